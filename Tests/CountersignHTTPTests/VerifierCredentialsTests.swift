import CountersignHTTP
import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// Who presents itself as a verifier, in all the ways that clients write it.
@Suite struct VerifierCredentialsTests {
    private static let secret = "p+q/r%41:s ü"
    private let directory = VerifierDirectory(
        [
            .init(Verifier(id: "backend", identityProviders: ["a"], revocation: .own), secret: secret),
            .init(Verifier(id: "other", identityProviders: ["b"], revocation: .none), secret: "another secret"),
        ], sealer: OpenSSLRecordSealer())

    private func verifier(_ authorization: String?) -> ExactText? {
        VerifierCredentials(authorization: authorization).flatMap(directory.verifier)?.id
    }

    private static func basic(_ text: String) -> String { "Basic " + Data(text.utf8).base64EncodedString() }

    @Test(arguments: [
        basic("backend:\(secret)"), basic("backend:p%2Bq%2Fr%2541%3As+%C3%BC"), basic("b%61ckend:p%2bq/r%2541:s%20ü"),
        "Bearer backend:\(secret)", "bEARER backend:\(secret)", "b" + basic("backend:\(secret)").dropFirst(),
        String(basic("backend:\(secret)").reversed().drop { $0 == "=" }.reversed()),
    ])
    func knowsAVerifierHoweverItWritesItsSecret(authorization: String) {
        #expect(verifier(authorization) == "backend")
    }

    @Test(arguments: [
        nil, "", "Basic", "Basic ", "Bearer ", "Bearer backend", "Bearer :", basic(":"), basic("backend"),
        basic("backend:"), basic("backend:another secret"), basic("nobody:\(secret)"), basic("Backend:\(secret)"),
        basic("backend:\(secret) "), basic(":\(secret)"), "Basic backend:\(secret)", "Digest backend:\(secret)",
        "Basic \(Data("backend:\(secret)".utf8).base64EncodedString())=", "Bearer backend:p%2Bq%2Fr%2541%3As+%C3%BC",
        basic("backend:p q/r%41:s ü"), basic("backend\0:\(secret)"),
    ])
    func knowsNobodyElse(authorization: String?) {
        #expect(verifier(authorization) == nil)
    }

    @Test func takesOneByteMoreOrLessForAnotherSecret() {
        for secret in ["another secre", "another secret", "another secrets", "Another secret"] {
            #expect((verifier(Self.basic("other:\(secret)")) == "other") == (secret == "another secret"))
        }
    }

    @Test func isNotPrinted() {
        let credentials = VerifierCredentials(authorization: Self.basic("backend:MARKER"))
        #expect(!"\(String(describing: credentials)) \(String(reflecting: credentials))".contains("MARKER"))
    }
}
