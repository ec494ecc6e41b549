import JOSE
package import TokenExchange

/// What the audit stream tells of. Raw values are an interface.
package enum AuditEvent: String, CaseIterable, Sendable {
    // Of the stream itself.
    /// The first line of a chain.
    case begins
    /// The first line of a file, if the chain began in another one.
    case continues
    /// After a line that was cut off.
    case resumes
    /// Lines were dropped, because the queue was full.
    case linesLost = "lines_lost"
    // Of the process.
    case start
    case stop
    case reload
    /// A signing key: what a command did to it, or what a replica saw take effect.
    case keyStep = "key_step"
    // Of requests.
    /// A new external identity.
    case login
    /// The earlier answer to the same exchange.
    case replay
    /// A login that was refused.
    case refusal
    /// A login that failed by our fault, or that an optional provider let go on without a token; a revocation that failed.
    case failure
    /// Of one external identity.
    case revoke
    case revokeCohort = "revoke_cohort"
    /// A verifier with wrong credentials, or without the right to do what it asked for.
    case verifierRefused = "verifier_refused"
    /// Lines of refused requests beyond `refusals_per_second`.
    case refusalsLeftOut = "refusals_left_out"
}

/// One line of the audit stream, before its place in the chain is known. Texts are constants, names from the
/// configuration, and digests; a claim has no member to stand in.
package struct AuditEntry: Sendable, Redacted {
    /// Who has caused it, if no request has.
    enum Origin: String {
        case keysGenerate = "keys generate"
        case keysActivate = "keys activate"
        case keysRetire = "keys retire"
        case keysRevoke = "keys revoke"
        case keysAdvance = "keys advance"
        case sessionsRevoke = "sessions revoke"
        /// A running service, which saw that it took effect.
        case replica
    }

    /// What has become of a signing key.
    enum KeyStep: String {
        // In the manifest, by a command.
        case published, activated, retiring, removed, revoked
        case passedOver = "passed_over"
        case notReplaced = "not_replaced"
        // In a running service, besides `published` and `revoked`.
        case signs, unpublished
    }

    let event: AuditEvent
    let time: UnixTime
    var requestID: String?
    var endpoint: String?
    var identityProvider: ExactText?
    var tenant: ExactText?
    var verifier: ExactText?
    /// Written as its SHA-256.
    var identityToken: IdentityToken?
    /// Written as its SHA-256.
    var externalIdentity: ExternalIdentity?
    /// Keyed hashes.
    var people = AuditCorrelation.Hashes()
    var errorCode: String?
    var reason: String?
    var degradedBy: String?
    var cohort: Cohort.Kind?
    var issuedBefore: UnixTime?
    /// How many have ended, if that is known.
    var sessions: Int?
    var step: String?
    package var keyID: ExactText?
    var algorithm: String?
    var origin: Origin?
    /// Of the operating system's user who gave the command.
    var userID: Int?
    var succeeded: Bool?
    /// Keys of the configuration.
    var changed: [String]?
    /// Bytes of a line that was cut off.
    var torn: [UInt8]?
    var count: Int?

    package init(_ event: AuditEvent, at time: UnixTime) {
        self.event = event
        self.time = time
    }

    /// Whether the queue keeps room for it: not for what anybody can cause.
    var isImportant: Bool { event != .refusal && event != .verifierRefused }

    /// A JSON object with its members in this order, and a line feed. It holds no other one.
    var line: [UInt8] {
        var text: [UInt8] = []
        Timestamp.append(time, to: &text)
        var members = JSONObjectWriter(capacity: 512)
        members.add("time", ExactText(bytes: text))
        members.add("event", ExactText(event.rawValue))
        members.add("request_id", ifAny: requestID)
        members.add("endpoint", ifAny: endpoint)
        members.add("identity_provider", ifAny: identityProvider)
        members.add("tenant", ifAny: tenant)
        members.add("verifier", ifAny: verifier)
        members.add("identity_token_sha256", digestOf: identityToken?.bytes)
        members.add("external_identity_sha256", digestOf: externalIdentity?.bytes)
        members.add("subject", ifAny: people.subject)
        members.add("device", ifAny: people.device)
        members.add("error_code", ifAny: errorCode)
        members.add("reason", ifAny: reason)
        members.add("degraded", ifAny: degradedBy)
        members.add("cohort", ifAny: cohort?.rawValue)
        members.add("issued_before", ifAny: issuedBefore?.text)
        members.add("sessions", ifAny: sessions)
        members.add("step", ifAny: step)
        members.add("key_id", ifAny: keyID.flatMap { $0.isKeyID ? $0 : nil })
        members.add("algorithm", ifAny: algorithm)
        members.add("by", ifAny: origin?.rawValue)
        members.add("user_id", ifAny: userID)
        if let succeeded { members.add("succeeded", .bool(succeeded)) }
        addChanged(to: &members)
        members.add("torn_bytes", ifAny: torn?.count)
        members.add("torn_sha256", digestOf: torn)
        members.add("count", ifAny: count)
        return members.finish() + [UInt8(ascii: "\n")]
    }

    /// More are counted only, so that a line stays far shorter than ``AuditChain/longestLine``.
    private static let mostNames = 100

    private func addChanged(to members: inout JSONObjectWriter) {
        guard let changed else { return }
        let names = changed.prefix(Self.mostNames).map { JSONValue.string(ExactText($0.prefix(100))) }
        members.add("changed", .array(names))
        if changed.count > names.count { members.add("more", Int64(changed.count - names.count)) }
    }
}

/// Keyed hashes of subject and device, by which a security team follows one associate without a name.
package struct AuditCorrelation: Sendable {
    /// Nil if there is no key, or nothing to hash.
    package struct Hashes: Sendable {
        package var subject: String?
        package var device: String?

        package init(subject: String? = nil, device: String? = nil) {
            self.subject = subject
            self.device = device
        }
    }

    /// Whom to hash; each nil if it is not known.
    package struct People: Sendable, Redacted {
        package var subject: ExactText?
        /// Of the subject.
        package var tenant: ExactText?
        /// As the app names it; may be empty.
        package var device: ExactText?
    }

    package let hashes: @Sendable (People) -> Hashes

    package init(_ hashes: @escaping @Sendable (People) -> Hashes) {
        self.hashes = hashes
    }

    /// No hashes.
    package static let none = AuditCorrelation { _ in Hashes() }
}

extension JSONObjectWriter {
    fileprivate mutating func add(_ name: StaticString, ifAny text: ExactText?) {
        if let text { add(name, text) }
    }

    fileprivate mutating func add(_ name: StaticString, ifAny text: String?) {
        if let text { add(name, ExactText(text)) }
    }

    fileprivate mutating func add(_ name: StaticString, ifAny number: Int?) {
        if let number { add(name, Int64(number)) }
    }

    fileprivate mutating func add(_ name: StaticString, digestOf bytes: [UInt8]?) {
        if let bytes { add(name, ExactText(bytes: AuditChain.digest(bytes))) }
    }
}

extension ExactText {
    /// Whether it can be the id of one of our keys. A cohort of a revocation may name anything.
    fileprivate var isKeyID: Bool {
        1...128 ~= count && bytes.allSatisfy { 0x21...0x7E ~= $0 }
    }
}
