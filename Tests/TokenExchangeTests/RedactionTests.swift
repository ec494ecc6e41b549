import Foundation
import TestSupport
import Testing
import TokenExchange

@Suite struct RedactionTests {
    private static let marker = "SECRET-MARKER"

    @Test func neverPrintsASecret() throws {
        let bytes = Array(Self.marker.utf8)
        let claims = ClaimsSet([.init("sub", .string(Self.marker))])
        let session = SessionRecord(
            identityProvider: "p", tenant: "t", subject: ExactText(Self.marker), issuedAt: UnixTime(seconds: 0),
            expiresAt: 1,
            tokenID: ExactText(Self.marker))
        let values: [any Redacted] = [
            IdentityToken(bytes: bytes), ExternalIdentity(bytes: bytes), DerivedKey(bytes: bytes), claims, session,
            try JSONObject(Array(#"{"a":"\#(Self.marker)"}"#.utf8), limits: JSONLimits()),
            ExchangeRequest(
                identityToken: IdentityToken(bytes: bytes), device: ExactText(Self.marker), provider: .vipLoyalty(),
                arrivedAt: .zero),
        ]
        for value in values {
            var dumped = ""
            dump(value, to: &dumped)
            let text =
                "\(value) \(String(reflecting: value)) \(String(describing: Optional(value))) \([value]) " + dumped
            #expect(!text.contains(Self.marker), "\(type(of: value))")
            #expect(!text.contains("83, 69, 67"), "\(type(of: value))")
        }
    }
}
