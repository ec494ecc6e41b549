import Glibc
import ServiceConfiguration
import TokenExchange

/// What commands write into the audit: a chain of their own, in a file beside the service's, which the service keeps
/// locked. Nothing if the service's entries go to standard output.
struct CommandAudit: Sendable {
    private let path: String
    private let time: TimeSource

    /// How long to wait for another command.
    private static let patience: Duration = .seconds(5)

    /// Nil if commands have nowhere to write to.
    init?(_ configuration: Configuration, time: TimeSource) {
        guard case .file(let path)? = configuration.audit?.output else { return nil }
        self.path = path + ".commands"
        self.time = time
    }

    /// Writes what a command did to signing keys. Blocks its thread.
    /// - Throws: ``StartUpError`` if that is not on disk.
    func record(_ changes: [SigningKeyChange], by origin: AuditEntry.Origin) throws {
        try write(
            changes.map { change in
                var entry = AuditEntry(.keyStep, at: time.now())
                (entry.step, entry.keyID) = (change.step.rawValue, change.key.keyID)
                entry.algorithm = change.key.algorithm.rawValue
                entry.origin = origin
                return entry
            })
    }

    /// Writes that a command has ended sessions. Blocks its thread.
    /// - Throws: ``StartUpError`` if that is not on disk.
    func record(_ revoked: RevokedCohort, by origin: AuditEntry.Origin) throws {
        var entry = AuditEntry(.revokeCohort, at: time.now())
        entry.describe(revoked, AuditCorrelation.none.hashes)
        entry.origin = origin
        try write([entry])
    }

    private func write(_ entries: [AuditEntry]) throws {
        guard !entries.isEmpty else { return }
        do throws(AuditFileError) {
            let file = try AuditFile.open(path, patience: Self.patience)
            defer { AuditFile.close(file.descriptor) }
            var writer = AuditWriter(file: file.descriptor, file.tail)
            let beginning = file.tail.isEmpty ? [AuditEntry(.begins, at: time.now())] : []
            for var entry in beginning + entries {
                entry.userID = Int(getuid())
                let outcome = writer.write(entry.line[...], at: time.now())
                if outcome.errno != 0 { throw AuditFileError(path, errno: outcome.errno) }
            }
        } catch {
            throw StartUpError(["It is done, but the audit stream does not say so: \(error)"])
        }
    }
}

extension SigningKeyChange {
    fileprivate var key: SigningKeyRecord {
        switch self {
        case .published(let key), .activated(let key), .retiring(let key), .removed(let key, _), .revoked(let key),
            .passedOver(let key, _), .notReplaced(let key, _):
            key
        }
    }

    fileprivate var step: AuditEntry.KeyStep {
        switch self {
        case .published: .published
        case .activated: .activated
        case .retiring: .retiring
        case .removed: .removed
        case .revoked: .revoked
        case .passedOver: .passedOver
        case .notReplaced: .notReplaced
        }
    }
}
