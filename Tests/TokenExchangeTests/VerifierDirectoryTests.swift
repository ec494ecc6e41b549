import JOSE
import Testing
import TokenExchange

@Suite struct VerifierDirectoryTests {
    @Test(arguments: [
        ("till", "secret", true), ("tills", "ecret", false), ("til", "lsecret", false), ("till", "", false),
    ])
    func knowsAVerifierByIDAndSecretEachWhole(id: String, secret: String, isKnown: Bool) {
        let till = Verifier(id: "till", identityProviders: [], revocation: .none)
        let directory = VerifierDirectory([.init(till, secret: "secret")], sealer: OpenSSLRecordSealer())
        #expect(directory.verifier(id: Array(id.utf8), secret: Array(secret.utf8)) == (isKnown ? till : nil))
    }
}
