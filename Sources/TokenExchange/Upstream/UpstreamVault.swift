/// Decides under which name and which key the token of an internal service is kept for its owner's next login.
///
/// The next login brings another identity token, so the key cannot be derived from this one. It is derived from a
/// secret that all replicas share, and from the owner. A dump of the store without that secret is worthless.
package struct UpstreamVault: Sendable {
    private static let version: UInt8 = 1

    private let sealer: any RecordSealer
    private let secret: [UInt8]

    /// - Parameter secret: `sessions.cache_secret`.
    package init(sealer: any RecordSealer, secret: [UInt8]) {
        self.sealer = sealer
        self.secret = secret
    }

    /// Name and key of one owner's token.
    struct Slot: Sendable, Redacted {
        let key: RecordKey
        fileprivate let sealingKey: DerivedKey
    }

    /// The same owner always has the same slot.
    func slot(for owner: UpstreamTokenOwner) -> Slot {
        let own = sealer.derive("countersign upstream v1\0", from: secret, context: owner.text)
        let name = sealer.derive("countersign upstream name v1\0", from: own.bytes, context: []).bytes
        return Slot(
            key: RecordKey(digest: name, in: Partition(digest: name)),
            sealingKey: sealer.derive("countersign upstream seal v1\0", from: own.bytes, context: []))
    }

    /// A record that only the owner's slot opens.
    func seal(_ token: HeldUpstreamToken, in slot: Slot) -> [UInt8] {
        let text = JSONValue.array([
            .number(literal: String(token.expiresAt)),
            .string(ExactText(bytes: token.externalIdentity.bytes)),
        ]).text
        return sealer.seal(text, version: Self.version, under: slot.sealingKey).bytes
    }

    /// Nil for anything but a record of this slot.
    func open(_ record: [UInt8], in slot: Slot) -> HeldUpstreamToken? {
        guard
            let text = try? sealer.open(SealedRecord(bytes: record), version: Self.version, under: slot.sealingKey),
            case .array(let values) = try? JSONValue(parsing: text), values.count == 2,
            let expiresAt = values[0].integer, UnixTime(storedSeconds: expiresAt) != nil,
            let token = values[1].string
        else { return nil }
        return HeldUpstreamToken(externalIdentity: ExternalIdentity(bytes: token.bytes), expiresAt: expiresAt)
    }

    /// 16 random bytes, which name the holder of a lease.
    func fence() -> [UInt8] { sealer.randomBytes(16) }
}

/// Whose token it is, and which service issued it.
package struct UpstreamTokenOwner: Sendable, Redacted {
    package let tenant: ExactText
    package let subject: ExactText
    /// Empty if none was named: all such logins of a user share a token.
    package let device: ExactText
    package let provider: ExactText
    /// The service's: a token of another service is not used.
    package let url: ExactText

    package init(tenant: ExactText, subject: ExactText, device: ExactText, provider: ExactText, url: ExactText) {
        self.tenant = tenant
        self.subject = subject
        self.device = device
        self.provider = provider
        self.url = url
    }

    /// Unambiguous, whatever characters a subject or device has.
    var text: [UInt8] { JSONValue.array([tenant, subject, device, provider, url].map { .string($0) }).text }
}

/// A token of an internal service, and how long it may be handed out.
package struct HeldUpstreamToken: Sendable, Redacted {
    package let externalIdentity: ExternalIdentity
    /// Unix time, whole seconds.
    package let expiresAt: Int64
}
