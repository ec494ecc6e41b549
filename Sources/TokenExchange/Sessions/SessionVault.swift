/// Decides under which name and which key each record is kept, so that a dump of the store holds no usable token and no claim.
///
/// | record | named by | sealed under a key derived from |
/// |---|---|---|
/// | session | SHA-256 of the external identity | the external identity |
/// | answer | a key derived from identity token, device, identity provider | the same three, with another label |
///
/// Names are digests that lead to no key: the sealing keys come from the tokens themselves, which the store never sees.
package struct SessionVault: Sendable {
    private let sealer: any RecordSealer

    package init(sealer: any RecordSealer) {
        self.sealer = sealer
    }

    // MARK: Sessions

    package func sessionKey(of externalIdentity: ExternalIdentity) -> RecordKey {
        RecordKey(digest: sealer.digest(externalIdentity.bytes))
    }

    package func seal(_ session: SessionRecord, of externalIdentity: ExternalIdentity) -> StoredSession {
        StoredSession(
            key: sessionKey(of: externalIdentity),
            record: sealer.seal(session.encoded, under: sessionSealingKey(of: externalIdentity)),
            expiresAt: session.expiry)
    }

    /// Nil where the record cannot be read: another version, corrupt, or not of this token.
    package func open(_ record: SealedRecord, of externalIdentity: ExternalIdentity) -> SessionRecord? {
        sealer.open(record, under: sessionSealingKey(of: externalIdentity)).flatMap(SessionRecord.init(encoded:))
    }

    private func sessionSealingKey(of externalIdentity: ExternalIdentity) -> DerivedKey {
        sealer.derive("countersign session v1\0", from: externalIdentity.bytes, context: [])
    }

    // MARK: Answers

    /// Name and key of the answer to one (identity token, device, identity provider).
    package struct AnswerSlot: Sendable, Redacted {
        package let key: RecordKey
        fileprivate let sealingKey: DerivedKey
    }

    package func answerSlot(for identityToken: IdentityToken, device: String, provider: String) -> AnswerSlot {
        // Neither a provider's name nor a device holds a NUL, so the two cannot run into one another.
        let secret = sealer.derive(
            "countersign exchange v1\0", from: identityToken.bytes, context: Array("\(provider)\0\(device)".utf8))
        return AnswerSlot(
            key: RecordKey(
                digest: sealer.derive("countersign answer name v1\0", from: secret.bytes, context: []).bytes),
            sealingKey: sealer.derive("countersign answer seal v1\0", from: secret.bytes, context: []))
    }

    package func seal(_ externalIdentity: ExternalIdentity, in slot: AnswerSlot) -> SealedRecord {
        sealer.seal(externalIdentity.bytes, under: slot.sealingKey)
    }

    package func open(_ answer: SealedRecord, in slot: AnswerSlot) -> ExternalIdentity? {
        sealer.open(answer, under: slot.sealingKey).map(ExternalIdentity.init(bytes:))
    }
}
