import JOSE
import RedisSessions
import ServiceConfiguration
import TokenExchange

/// Writes to the session store and reads again, by the service's own store, and asks Redis how it keeps what it is given.
struct SessionStoreCheck: Sendable {
    private let sessions: SessionAssembly
    private let settings: RedisSettings?
    private let time: TimeSource

    /// Connects to nothing.
    init(_ configuration: Configuration, time: TimeSource) {
        sessions = SessionAssembly(configuration, time: time, logger: .silent)
        self.time = time
        if case .redis(let redis) = configuration.sessions.store { settings = redis } else { settings = nil }
    }

    func findings() async -> [CheckupFinding] {
        guard let settings, let redis = sessions.redis else {
            return [.pass("session_store", "in the memory of each process: nothing to reach")]
        }
        return await sessions.connected {
            do throws(SessionStoreFailure) { try await writeAndRead() } catch { return [Self.failure(error)] }
            let written = CheckupFinding.pass("session_store", "sessions and revocations are written and read again")
            let servers = await redis.inspect(within: Checkup.patience)
            return [written, await latency(settings)] + servers.flatMap(RedisServerCheck.findings)
        }
    }

    // MARK: Writing and reading

    /// What a login, a webview and a revocation do, with a session of nobody that lives for seconds.
    private func writeAndRead() async throws(SessionStoreFailure) {
        let (store, begin) = (sessions.store, time.elapsed())
        let left = { Checkup.patience - (time.elapsed() - begin) }
        let expiry = time.now() + .seconds(10)
        try await store.check(within: left())
        let digest = OpenSSLRecordSealer().randomBytes(32)
        let key = RecordKey(digest: digest, in: Partition(digest: digest))
        let record = SealedRecord(bytes: OpenSSLRecordSealer().randomBytes(64))
        let session = StoredSession(key: key, record: record, expiresAt: expiry)
        try await store.insertIfAbsent(session, within: left())
        guard try await store.session(key, within: left()) == record else {
            throw SessionStoreFailure(.session, .unexpectedReply)
        }
        try await store.revoke(key, until: expiry, within: left())
        guard try await store.session(key, within: left()) == nil else {
            throw SessionStoreFailure(.revoke, .unexpectedReply)
        }
        try await sessions.revocations.read(within: left())
        try await sessions.revocations.checkWriting(within: left())
    }

    private static func failure(_ failure: SessionStoreFailure) -> CheckupFinding {
        return .fail("session_store", "\(failure.operation.rawValue): \(failure.cause)", remedy: failure.cause.remedy)
    }

    // MARK: Latency

    private static let rounds = 5
    private static let longestRound = Duration.seconds(2)

    /// Of an exchange on each server, as a login makes it; the connection is there already.
    private func latency(_ settings: RedisSettings) async -> CheckupFinding {
        var times: [Duration] = []
        for _ in 0..<Self.rounds {
            let begin = time.elapsed()
            do throws(SessionStoreFailure) { try await sessions.store.check(within: Self.longestRound) } catch {
                return Self.failure(error)
            }
            times.append(time.elapsed() - begin)
        }
        return Self.latency(times.sorted()[Self.rounds / 2], limit: settings.commandTimeout)
    }

    /// - Parameter limit: beyond which optional logins go on without the store.
    static func latency(_ median: Duration, limit: Duration) -> CheckupFinding {
        let detail = "an exchange takes \(median.inMilliseconds); command_timeout is \(limit.inMilliseconds)"
        let remedy = "Every login waits for it: bring Redis nearer, or see what keeps it busy."
        if median >= limit { return .fail("redis_latency", detail, remedy: remedy) }
        if median * 4 > limit { return .warn("redis_latency", detail, remedy: remedy) }
        return .pass("redis_latency", detail)
    }
}
