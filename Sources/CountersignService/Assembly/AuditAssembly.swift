import BlockingWork
import Logging
import ServiceConfiguration
import TokenExchange

extension AuditTrail {
    /// The audit stream of a configuration, with its file open; nil if there is none.
    /// - Throws: ``StartUpError`` if the file cannot be used.
    static func open(
        _ configuration: Configuration, _ correlation: AuditCorrelation, time: TimeSource, logger: Logger
    ) async throws -> AuditTrail? {
        guard let settings = configuration.audit else { return nil }
        do {
            return try await FileReaders().run {
                if case .file(let path) = settings.output { ReadingNote.begin(path) }
                return try AuditTrail(settings, correlation: correlation, time: time, logger: logger)
            }
        } catch let hang as FileHangs {
            throw StartUpError(["\(hang)"])
        } catch let error as AuditFileError {
            throw StartUpError(["\(configuration.places["audit.file"]): \(error)"])
        }
    }

    /// Tells of a reload.
    /// - Parameter changed: the keys of the configuration that differ; nil if it failed.
    func tellReload(_ changed: [String]?) {
        var entry = AuditEntry(.reload, at: time.now())
        entry.succeeded = changed != nil
        entry.changed = changed
        append(entry)
    }
}

extension AuditCorrelation {
    /// The hashes that the log has, so that both can be searched for the same associate.
    init(_ hashes: CorrelationHashes) {
        self.init { people in
            let subject = people.subject.flatMap { subject in
                people.tenant.flatMap { hashes.hash(ofSubject: subject, tenant: $0) }
            }
            let device = people.device.flatMap(hashes.hash(ofDevice:))
            return Hashes(subject: subject?.paddedHexadecimal, device: device?.paddedHexadecimal)
        }
    }
}
