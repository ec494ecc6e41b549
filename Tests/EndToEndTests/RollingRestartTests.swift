import Foundation
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// Two replicas behind nginx, each replaced by another process while associates log in.
@Suite struct RollingRestartTests {
    /// Logs in without a pause, on as many threads as it is told, until it is stopped.
    private final class Load: Sendable {
        private let port: Int
        private let isStopped = Atomic(false)
        private let results = Mutex((good: 0, bad: [String]()))
        private let running = Atomic(0)

        init(port: Int, threads: Int) {
            self.port = port
            running.store(threads, ordering: .relaxed)
            for _ in 0..<threads {
                Thread.detachNewThread {
                    while !self.isStopped.load(ordering: .relaxed) { self.logIn() }
                    self.running.wrappingSubtract(1, ordering: .relaxed)
                }
            }
        }

        private func logIn() {
            do {
                let connection = try HTTPConnection(port: port)
                try connection.login(try ModelToken.fresh(), "till", "vip-loyalty")
                let answer = try connection.answer()
                let isGood = answer.status == 200 && answer.externalIdentity != nil
                results.withLock {
                    if isGood { $0.good += 1 } else { $0.bad.append("\(answer.status) \(answer.text)") }
                }
            } catch { results.withLock { $0.bad.append("\(error)") } }
        }

        var goodCount: Int { results.withLock(\.good) }

        func stop() async throws -> (good: Int, bad: [String]) {
            isStopped.store(true, ordering: .relaxed)
            try await eventually("the load ends", within: .seconds(20)) { running.load(ordering: .relaxed) == 0 }
            return results.withLock { $0 }
        }
    }

    @Test func losesNoLogin() async throws {
        let redis = try await RedisServer.start()
        var settings = CountersignProcess.Settings()
        settings.sessions = CountersignProcess.Settings.redis(redis, commandTimeout: "2s")
        settings.shutdown = "{ notice: 3s, grace: 10s }"
        let folder = try CountersignProcess.prepare(settings)
        var replicas = [
            try await CountersignProcess.start(in: folder), try await CountersignProcess.start(in: folder),
        ]
        let nginx = try await NginxServer.start(inFrontOf: replicas.map(\.publicPort))
        let load = Load(port: nginx.port, threads: 3)
        for _ in 0..<2 {
            let leaving = replicas.removeFirst()
            leaving.signal(SIGTERM)
            // As a load balancer that asks for readiness does.
            try await eventually("it says that it is leaving") { try leaving.readiness().status == 503 }
            try await nginx.replace(with: replicas.map(\.publicPort))
            #expect(try await leaving.exitStatus() == 0)
            replicas.append(try await CountersignProcess.start(in: folder))
            try await nginx.replace(with: replicas.map(\.publicPort))
            let count = load.goodCount
            try await eventually("both are asked") { load.goodCount > count + 20 }
        }
        let (good, bad) = try await load.stop()
        #expect(bad.isEmpty && good > 100, "\(good) logins, and \(bad.count) failed: \(bad.prefix(3)) \(nginx.log)")
    }
}
