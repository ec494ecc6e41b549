/// Decides under which name and which key each record is kept, so that a dump of the store holds no usable token and no
/// claim.
///
/// | record | named by | sealed under a key derived from |
/// |---|---|---|
/// | session | SHA-256 of the external identity | the external identity |
/// | answer | a key derived from identity token, device, identity provider | the same three, with another label |
///
/// No key can be derived from a name: the sealing keys come from the tokens themselves, which the store never sees.
/// Tokens of internal services that are kept for the next login are ``UpstreamVault``'s business.
package struct SessionVault: Sendable {
    /// The format of an answer, which is just the external identity.
    private static let answerVersion: UInt8 = 2

    private let sealer: any RecordSealer
    private let unreadable: UnreadableRecords

    /// - Parameter unreadable: counts the records that cannot be opened.
    package init(sealer: any RecordSealer, unreadable: UnreadableRecords) {
        self.sealer = sealer
        self.unreadable = unreadable
    }

    // MARK: Sessions

    /// The name of a token's session: its SHA-256 digest.
    package func sessionKey(of externalIdentity: ExternalIdentity, in partition: Partition) -> RecordKey {
        RecordKey(digest: sealer.digest(externalIdentity.bytes), in: partition)
    }

    /// A session that only the external identity itself opens.
    package func seal(
        _ session: SessionRecord, of externalIdentity: ExternalIdentity, in partition: Partition
    ) -> StoredSession {
        StoredSession(
            key: sessionKey(of: externalIdentity, in: partition),
            record: sealer.seal(
                session.encoded, version: SessionRecord.formatVersion, under: sessionSealingKey(of: externalIdentity)),
            expiresAt: session.expiry)
    }

    /// Nil if the record cannot be read: another version, corrupt, or not of this token.
    package func open(_ record: SealedRecord, of externalIdentity: ExternalIdentity) -> SessionRecord? {
        reading { () throws(UnreadableRecord) in
            let text = try sealer.open(
                record, version: SessionRecord.formatVersion, under: sessionSealingKey(of: externalIdentity))
            guard let session = SessionRecord(encoded: text) else { throw .corrupt }
            return session
        }
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

    /// The same three values always give the same slot.
    package func answerSlot(for identityToken: IdentityToken, device: ExactText, provider: ExactText) -> AnswerSlot {
        // Neither a provider's name nor a device contains a NUL, so the two cannot run into each other.
        let secret = sealer.derive(
            "countersign exchange v1\0", from: identityToken.bytes,
            context: provider.withUTF8 { Self.joined($0, device) })
        let name = sealer.derive("countersign answer name v1\0", from: secret.bytes, context: []).bytes
        return AnswerSlot(
            key: RecordKey(digest: name, in: Partition(digest: name)),
            sealingKey: sealer.derive("countersign answer seal v1\0", from: secret.bytes, context: []))
    }

    /// The two with a NUL between them.
    private static func joined(_ first: some Collection<UInt8>, _ second: ExactText) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(first.count + second.count + 1)
        bytes.append(contentsOf: first)
        bytes.append(0)
        second.withUTF8 { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// An answer that only the same identity token, device and identity provider open.
    package func seal(_ externalIdentity: ExternalIdentity, in slot: AnswerSlot) -> SealedRecord {
        sealer.seal(externalIdentity.bytes, version: Self.answerVersion, under: slot.sealingKey)
    }

    /// Nil if the record cannot be read: another version, or corrupt.
    package func open(_ answer: SealedRecord, in slot: AnswerSlot) -> ExternalIdentity? {
        reading { () throws(UnreadableRecord) in
            ExternalIdentity(bytes: try sealer.open(answer, version: Self.answerVersion, under: slot.sealingKey))
        }
    }

    private func reading<Record>(_ read: () throws(UnreadableRecord) -> Record) -> Record? {
        do { return try read() } catch {
            unreadable.add(error)
            return nil
        }
    }

    // MARK: Tokens of internal services

    /// The partition of the session of a token that does not name one itself.
    package func partition(ofForeign externalIdentity: ExternalIdentity) -> Partition {
        Partition(digest: sealer.digest(externalIdentity.bytes))
    }

    // MARK: Labels

    /// Tells values of one kind apart without revealing them.
    func label(_ kind: Cohort.Kind, _ value: ExactText) -> CohortLabel {
        let digest = sealer.derive(
            "countersign cohort v1\0", from: Self.joined(kind.rawValue.utf8, value), context: [])
        var text: [UInt8] = []
        Base64URL.append(digest.bytes.prefix(16), to: &text)
        return CohortLabel(kind, digest: ExactText(bytes: text))
    }
}
