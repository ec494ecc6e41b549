import CountersignService
import Foundation
import Outbound
import TestSupport
import Testing

/// One place holds the version, and everything else that names it agrees.
@Suite struct VersionTests {
    private static let version = "\(BuildInformation.version)"

    /// What names the version, and how: the first match counts.
    @Test(arguments: [
        ("CHANGELOG.md", #"(?m)^## \[(\d[^\]]*)\] - \d{4}-\d\d-\d\d$"#),
        ("debian/changelog", #"^countersign \(([^)]+)\) "#),
        ("docs/openapi.yaml", #"(?m)^  version: (.+)$"#),
        ("docs/install.md", #"countersign_([0-9.]+)_amd64\.deb"#),
        ("deploy/kubernetes/base/deployment.yaml", #"image: countersign:(.+)"#),
        ("deploy/kubernetes/base/signing-keys.yaml", #"image: countersign:(.+)"#),
        ("Sources/CountersignLink/CountersignLink.docc/CountersignLink.md", #"countersign", from: "(.+)"\)"#),
    ])
    func isNamedAlikeEverywhere(file: String, pattern: String) throws {
        let text = try String(contentsOfFile: "\(CountersignProcess.repository)/\(file)", encoding: .utf8)
        let match = try #require(try text.firstMatch(of: Regex(pattern, as: (Substring, Substring).self)))
        #expect(match.output.1 == Self.version, "\(file)")
    }

    /// Of Semantic Versioning, which Debian's packages and `User-Agent` can hold too.
    @Test func isThreeNumbers() {
        #expect(Self.version.wholeMatch(of: /\d+\.\d+\.\d+/) != nil)
        #expect(BuildInformation.userAgent == "countersign/\(Self.version)")
    }

    @Test func findsTheFileOfALibraryAmongThoseThatAreMapped() {
        let maps = """
            7f1 r--p 00000000 08:01 12 /usr/lib/x86_64-linux-gnu/libjwt-tools.so.9
            7f2 r-xp 00001000 08:01 13 /usr/lib/x86_64-linux-gnu/libjwt.so.0.5.1
            7f3 r--p 00002000 08:01 13 /usr/lib/x86_64-linux-gnu/libjwt.so.0.5.1
            7f4 rw-p 00000000 00:00 0
            """
        #expect(VersionReport.file(of: "libjwt", in: maps) == "/usr/lib/x86_64-linux-gnu/libjwt.so.0.5.1")
        #expect(VersionReport.file(of: "libhiredis", in: maps) == "file unknown")
    }
}
