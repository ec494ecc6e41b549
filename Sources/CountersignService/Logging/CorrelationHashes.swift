package import CountersignHTTP
import JOSE
import Synchronization
package import TokenExchange

/// Hashes of subjects and devices for the log, under `log.correlation_key`: the same one always has the same hash, and
/// nobody without the key can tell whose it is, nor try names.
package final class CorrelationHashes: Sendable {
    private let hash: Mutex<KeyedHash?>
    private let vault: SessionVault

    /// - Parameters:
    ///   - key: nil for no hashes.
    ///   - vault: labels devices as the records of sessions do.
    package init(
        key: [UInt8]?,
        vault: SessionVault = SessionVault(sealer: OpenSSLRecordSealer(), unreadable: UnreadableRecords { _ in })
    ) {
        hash = Mutex(key.map(KeyedHash.init))
        self.vault = vault
    }

    /// Uses another key from now on; nil for no hashes.
    package func use(_ key: [UInt8]?) {
        let new = key.map(KeyedHash.init)
        hash.withLock { $0 = new }
    }

    /// Of whose request it is, and of their device: of a login by its token and what the app says, of a question about a
    /// session by its record. Each nil if it is not known. A token that an internal service gave to several devices
    /// does not say which of them asks.
    package func hashes(of report: RequestReport) -> (subject: UInt64?, device: UInt64?) {
        guard let hash = hash.withLock(\.self) else { return (nil, nil) }
        if let exchange = report.exchange {
            let facts = exchange.facts
            let subject = facts.tenant.flatMap { tenant in
                facts.subject.map { hash(Self.message(ofSubject: $0, tenant: tenant)) }
            }
            return (subject, device(exchange.device, hash))
        }
        guard let session = report.session else { return (nil, nil) }
        let device = session.devices.count == 1 ? session.devices.first : nil
        return (
            hash(Self.message(ofSubject: session.subject, tenant: session.tenant)),
            device.map { hash(Self.message(ofDevice: $0)) }
        )
    }

    /// Of a `sub` in one tenant; nil without a key.
    package func hash(ofSubject subject: ExactText, tenant: ExactText) -> UInt64? {
        hash.withLock(\.self)?(Self.message(ofSubject: subject, tenant: tenant))
    }

    /// Of a device as the app names it; nil if it names none, or without a key.
    package func hash(ofDevice device: ExactText) -> UInt64? {
        hash.withLock(\.self).flatMap { self.device(device, $0) }
    }

    private func device(_ device: ExactText, _ hash: KeyedHash) -> UInt64? {
        vault.label(ofDevice: device).map { hash(Self.message(ofDevice: $0)) }
    }

    // MARK: What is hashed

    /// The same `sub` of another issuer is somebody else. The length keeps the two texts apart.
    private static func message(ofSubject subject: ExactText, tenant: ExactText) -> [UInt8] {
        var message = start("countersign log subject v1\0")
        for place in 0..<4 { message.append(UInt8(truncatingIfNeeded: tenant.count >> (place * 8))) }
        for text in [tenant, subject] { text.withUTF8 { message.append(contentsOf: $0) } }
        return message
    }

    /// The record of a session holds no more of its device than this label.
    private static func message(ofDevice label: CohortLabel) -> [UInt8] {
        var message = start("countersign log device v1\0")
        label.digest.withUTF8 { message.append(contentsOf: $0) }
        return message
    }

    private static func start(_ label: StaticString) -> [UInt8] {
        var message: [UInt8] = []
        message.reserveCapacity(128)
        label.withUTF8Buffer { message.append(contentsOf: $0) }
        return message
    }
}
