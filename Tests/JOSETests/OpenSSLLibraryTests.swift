import JOSE
import Testing

/// Which libcrypto the program runs with.
@Suite struct OpenSSLLibraryTests {
    @Test func takesTheVersionThatItWasBuiltWithAndNewerMinorOnes() {
        #expect(OpenSSLLibrary.version.hasPrefix("OpenSSL 3."))
        #expect(OpenSSLLibrary.problem() == nil)
        for loaded: UInt in [0x3000_0000, 0x3000_0160, 0x3010_0000, 0x3FF0_0000] {
            #expect(OpenSSLLibrary.problem(built: 0x3000_0130, loaded: loaded) == nil)
        }
    }

    @Test(
        arguments: [
            (0x3000_0130, 0x1010_117F, "1.1"), (0x3000_0130, 0x4000_0000, "4.0"), (0x3050_0000, 0x3040_00F0, "3.4"),
        ] as [(UInt, UInt, String)])
    func refusesAnotherMajorVersionAndAnOlderMinorOne(_ built: UInt, _ loaded: UInt, _ found: String) {
        let problem = OpenSSLLibrary.problem(built: built, loaded: loaded)
        #expect(problem?.contains("found \(found);") == true, "\(problem ?? "")")
    }
}
