import JOSE
package import ServiceConfiguration
package import TokenExchange

/// What the commands `countersign keys …` do with the signing directory. Each returns the text that the command prints.
package struct SigningKeyCommands {
    private let source: SigningKeySource
    private let file: String
    private let audit: CommandAudit?
    private let time: TimeSource

    private var now: UnixTime { time.now() }

    /// - Parameter file: the configuration file, for commands in messages.
    package init(_ configuration: Configuration, file: String, time: TimeSource) {
        source = SigningKeySource(configuration)
        self.file = file
        audit = CommandAudit(configuration, time: time)
        self.time = time
    }

    /// Makes a key, or adds one that the manifest does not list yet. Says its id and when it may sign.
    package func generate(_ algorithm: SignatureAlgorithm) throws -> String {
        try report(.keysGenerate) {
            let key = try source.directory.generate(algorithm: algorithm, at: now, times: source.times)
            return key.state == .active ? [.activated(key)] : [.published(key)]
        }
    }

    /// All keys: a table, or a JSON list. Reads only the manifest and the names of the files, so it needs no
    /// passphrase.
    package func list(asJSON: Bool) throws -> String {
        let listing = try attempt { try source.directory.listing(at: now, times: source.times) }
        let records = listing.manifest.keys
        if asJSON {
            return String(decoding: JSONValue.array(records.map(\.listValue)).indentedText, as: UTF8.self)
                .trimmingSuffix { $0.isNewline }
        }
        let remarks =
            source.remarks(on: listing.manifest, unlistedFiles: listing.unlistedFiles, at: now)
            + listing.missingFiles.map { "\(source.directory.path)/\($0): in the manifest, but the file is missing" }
        return ([TextTable(Self.columns, records.map(\.listRow)).text] + remarks.map { "note: \($0)" })
            .joined(separator: "\n")
    }

    /// What has happened to the keys, and what a rotation will do, as a drawing (SVG).
    package func drawing() throws -> String {
        let manifest = try manifest()
        return Self.drawing(of: manifest.timeline(at: now, times: source.times), today: now)
    }

    static func drawing(of moments: [SigningKeyMoment], today: UnixTime) -> String {
        KeyTimelineDrawing(moments, today: today, width: 480).file
    }

    private static let columns = ["KID", "ALGORITHM", "STATE", "SINCE", "MAY SIGN FROM", "TOKENS DIE BY"]

    /// Lets a published key sign instead of the one that does.
    /// - Parameter isForced: also if verifiers may not know the key yet; see ``harm(ofForcing:)``.
    package func activate(_ keyID: ExactText, isForced: Bool) throws -> String {
        try report(.keysActivate) {
            try source.directory.activate(keyID, at: now, times: source.times, isForced: isForced)
        }
    }

    /// Stops a key from signing, or takes it out of the JWK set.
    /// - Parameter isForced: also if that makes good tokens useless; see ``harm(ofForcing:)``.
    package func retire(_ keyID: ExactText, isForced: Bool) throws -> String {
        try report(.keysRetire) { try source.directory.retire(keyID, at: now, times: source.times, isForced: isForced) }
    }

    /// Revokes a compromised key in the session store and in the directory, in each even if the other cannot be
    /// written.
    ///
    /// - Throws: ``StartUpError`` with what was done and what is left to do.
    package func revoke(_ keyID: ExactText, sessions: SessionCommands) async throws -> String {
        if let manifest = try? manifest(), manifest.record(keyID) == nil {
            throw StartUpError(["\(source.directory.path): \(SigningKeyRefusal.unknownKey(keyID: keyID))"])
        }
        var done: [String] = []
        var left: [String] = []
        do {
            try await sessions.revoke(keyID: keyID)
            if sessions.canReachSessions { done.append(Self.storeSentence(keyID)) }
        } catch {
            left.append(
                "Left to do in the session store, for its tokens and for services with a directory of their own.")
            left += StartUpError(error).problems
        }
        do {
            let changes = try attempt { try source.directory.revoke(keyID, at: now, times: source.times) }
            done.insert(Self.sentences(changes.filter { !$0.isUnfinished }), at: 0)
            left += changes.filter(\.isUnfinished).map(\.sentence)
            do { try audit?.record(changes, by: .keysRevoke) } catch { left += StartUpError(error).problems }
        } catch {
            left.append(
                "Left to do in the key directory, which a restarted service reads. Repair it and run this again.")
            left += StartUpError(error).problems
        }
        if !done.isEmpty { sessions.logger.tellCompromised(keyID, by: "command") }
        guard left.isEmpty else { throw StartUpError((done.isEmpty ? ["Nothing was done."] : done) + left) }
        return done.joined(separator: "\n")
    }

    private static func storeSentence(_ keyID: ExactText) -> String {
        "Session store: every service drops key \(keyID) and its tokens within "
            + "\(RevocationList.promise.components.seconds) seconds."
    }

    /// Takes every step of the rotation that is due, and says which step is next, and when.
    /// - Parameter isDryRun: only says which steps are due.
    package func advance(isDryRun: Bool) throws -> String {
        if isDryRun { return try plan() }
        let changes = try attempt { try source.directory.advance(at: now, times: source.times) }
        try audit?.record(changes, by: .keysAdvance)
        let lines = changes.map(\.sentence)
        return ((lines.isEmpty ? ["Nothing is due."] : lines) + [try nextStep()]).joined(separator: "\n")
    }

    private func plan() throws -> String {
        let (due, next) = try attempt {
            try source.directory.stepsDue(at: now, times: source.times) { ExactText("(the new \($0.rawValue) key)") }
        }
        let lines = due.map { "Would \($0.clause)." }
        return ((lines.isEmpty ? ["Nothing is due."] : lines) + [Self.sentence(next)]).joined(separator: "\n")
    }

    private func nextStep() throws -> String {
        Self.sentence(try manifest().nextStep(at: now, times: source.times))
    }

    /// Which step comes next, and when.
    static func sentence(_ next: DueStep?) -> String {
        guard let next else { return "No identity provider needs a key." }
        return "Next: \(next.step.clause), due at \(next.at.shortText)."
    }

    // MARK: What force breaks

    /// What breaks if this step is forced, and until when; nil if the step needs no force.
    package func harm(ofForcing step: SigningKeyStep) throws -> String? {
        let manifest = try manifest()
        if case .retire(let keyID) = step, let key = manifest.record(keyID), key.state == .retiring,
            let end = key.tokensDieBy, end > now
        {
            return
                "Key \(keyID) leaves the JWK set before its last token: until \(end.shortText) tokens that are still "
                + "good will be refused."
        }
        guard
            case .publishedTooBriefly(let keyID, let until)? = manifest.refusal(of: step, at: now, times: source.times)
        else { return nil }
        return
            "Verifiers may hold a JWK set without key \(keyID): until \(until.shortText) they will refuse what it signs."
    }

    /// What breaks if this key is revoked; nil if nothing does.
    package func harm(ofRevoking keyID: ExactText) -> String? {
        let tokens = "Every token that key \(keyID) has signed ends at once, with its session."
        // A directory that cannot be read must not prevent the revocation.
        guard var manifest = try? manifest() else { return tokens }
        guard let key = manifest.record(keyID), key.state != .revoked else { return nil }
        guard key.state == .active else { return tokens }
        let unusable = Set(source.directory.unusableSuccessors(of: keyID, in: manifest).map(\.keyID))
        let changes = try? manifest.revoke(
            keyID, at: now, times: source.times, passingOver: unusable, spare: "a new key")
        let successor = changes?.compactMap { if case .activated(let key) = $0 { key } else { nil } }.first
        guard let successor else { return tokens }
        return tokens + " Then \(successor.keyID) signs"
            + (successor.maySignFrom > now
                ? "; verifiers may not know it until \(successor.maySignFrom.shortText)." : ", which verifiers know.")
    }

    // MARK: -

    private func manifest() throws -> SigningKeyManifest {
        try attempt { try source.directory.manifest(at: now, times: source.times) }
    }

    private func report(
        _ origin: AuditEntry.Origin, _ work: () throws -> [SigningKeyChange]
    ) throws -> String {
        let changes = try attempt(work)
        try audit?.record(changes, by: origin)
        return Self.sentences(changes)
    }

    private static func sentences(_ changes: [SigningKeyChange]) -> String {
        changes.isEmpty ? "Nothing to do: it is so already." : changes.map(\.sentence).joined(separator: "\n")
    }

    private func attempt<Result>(_ work: () throws -> Result) throws -> Result {
        do { return try work() } catch {
            throw StartUpError(["\(error)".replacing("--config FILE", with: "--config \(file)")])
        }
    }
}
