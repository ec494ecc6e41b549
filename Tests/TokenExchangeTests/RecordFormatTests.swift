import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// Records that version 1.0.0 wrote are found and read by this version, so that an upgrade ends no session and replicas of
/// both can run beside each other. docs/compatibility.md and docs/upgrade.md promise it: a failure here is no reason to
/// change the bytes below, but to read both formats.
@Suite struct RecordFormatTests {
    private let vault = SessionVault(sealer: OpenSSLRecordSealer(), unreadable: UnreadableRecords { _ in })
    private let identityToken = IdentityToken(bytes: Array("an identity token".utf8))
    private let externalIdentity = ExternalIdentity(bytes: Array("csx_an-external-identity".utf8))

    private static let answerName = "S92H0G7+8RAFENzBOZd+Y68HHMosunb/9q8UhsIBQ60="
    private static let answer = "AltZkLh5mcvsy1Jdlm5tZrflS7enO3Pm0aRYkmGqyuRoMALNARTbXKamMZbkplYOA/tgkDw="
    private static let sessionName = "I9dRF8etSZ3CnrkiMPhrJFaePcJ/rLfRbQ0KieFJt9s="
    private static let session = """
        AvhQV9UzVx8QvznJba1DN22s5xe/oTwBPy1LfH4knBe/QwQ+KvRiMraNowx/dmMzzfZ+/ujMff5KiUt7uE6IrXkPSG1KghuTIugPqLRKLIVtFM4x\
        fcR9viNDNtYqcJ6LzqEcXdq0CbshCNlMn+8Z22C4btoCnxotnA8mRCFRuACeoaPaZETedliZPlWAEh+D3y2fHrEP6wWoElOpQ5N9poUI6vgYORUU
        """

    private func bytes(_ base64: String) throws -> [UInt8] { Array(try #require(Data(base64Encoded: base64))) }

    @Test func readsAnAnswerUnderItsName() throws {
        let slot = vault.answerSlot(for: identityToken, device: "till-1", provider: "vip-loyalty")
        #expect(slot.key == RecordKey(digest: try bytes(Self.answerName), in: Partition(digest: slot.key.digest)))
        #expect(vault.open(SealedRecord(bytes: try bytes(Self.answer)), in: slot) == externalIdentity)
    }

    @Test func readsASessionUnderItsName() throws {
        let key = vault.sessionKey(of: externalIdentity, in: Partition(digest: try bytes(Self.answerName)))
        #expect(key.digest == (try bytes(Self.sessionName)))
        let session = SessionRecord(
            identityProvider: "vip-loyalty", tenant: "acme-staging", subject: "f3a1c9de",
            issuedAt: UnixTime(seconds: 1_764_003_600.25), expiresAt: 1_764_014_400, tokenID: "jti-1",
            devices: [try #require(CohortLabel("device:0123456789abcdefABCDEF"))],
            claims: [.init("email", .string("jane@acme.example")), .init("level", .number(literal: "3"))])
        #expect(vault.open(SealedRecord(bytes: try bytes(Self.session)), of: externalIdentity) == session)
    }
}
