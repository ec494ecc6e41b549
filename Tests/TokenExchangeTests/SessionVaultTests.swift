import JOSE
import TestSupport
import Testing
import TokenExchange

/// What is sealed where, and under which keys.
@Suite struct SessionVaultTests {
    private let vault = SessionVault(sealer: OpenSSLRecordSealer(), unreadable: UnreadableRecords { _ in })
    private let token = IdentityToken(bytes: Array("an identity token".utf8))

    @Test func tellsNoKeyByTheNameThatAnAnswerLiesUnder() {
        let slot = vault.answerSlot(for: token, device: "till", provider: "vip-loyalty")
        let answer = vault.seal(ExternalIdentity(bytes: Array("an external identity".utf8)), in: slot)
        #expect(vault.open(answer, in: slot) != nil)
        #expect(throws: UnreadableRecord.corrupt) {
            try OpenSSLRecordSealer().open(
                answer, version: answer.bytes[0], under: DerivedKey(bytes: slot.key.digest))
        }
    }

    @Test func keepsApartAProviderAndDeviceThatReadAlikeInOne() {
        let slots = [("till", "vip"), ("l", "viptil"), ("viptill", ""), ("", "viptill")].map { device, provider in
            vault.answerSlot(for: token, device: ExactText(device), provider: ExactText(provider)).key
        }
        #expect(Set(slots).count == slots.count)
    }

    /// Or a device's label, which the store keeps, would tell of a subject of that name.
    @Test func labelsASubjectAndADeviceOfOneNameDifferently() throws {
        let digests = try [Cohort.Kind.subject, .device, .tenant, .identityProvider, .keyID].map { kind in
            vault.label(of: try #require(Cohort(kind, "jane"))).text.split(separator: ":")[1]
        }
        #expect(Set(digests).count == digests.count)
    }

    @Test(arguments: [(0, false), (1, true), (43, true), (44, false)])
    func readsLabelsOfTheLengthThatDigestsHave(count: Int, isRead: Bool) {
        #expect((CohortLabel("subject:" + String(repeating: "a", count: count)) != nil) == isRead)
    }
}
