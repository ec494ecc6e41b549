import CountersignHTTP
import CountersignService
import Foundation
import HTTPTypes
import JOSE
import NIOCore
import ServiceConfiguration
import TestSupport
import TokenExchange

/// The service without its sockets, at a clock that stands still: real configuration, keys and store.
final class ServiceScene: Sendable {
    typealias Settings = CountersignProcess.Settings

    let folder: TemporaryFolder
    let clock = ManualClock()
    let log = RecordedLog()
    let routes: ServiceRoutes
    /// Nil unless the settings have one.
    let audit: AuditTrail?

    /// - Parameter prepare: adds to the folder with the configuration.
    init(_ change: (inout Settings) -> Void = { _ in }, _ prepare: (String) throws -> Void = { _ in }) throws {
        var settings = Settings()
        change(&settings)
        folder = try CountersignProcess.prepare(settings, at: clock.now)
        try prepare(folder.path)
        let blueprint = try Self.blueprint(in: folder, clock)
        let (time, logger) = (clock.time, log.logger)
        audit = try blueprint.configuration.audit.map {
            try AuditTrail($0, time: time, logger: logger)
        }
        routes = ServiceRoutes(blueprint, audit: audit, time: clock.time, logger: log.logger)
    }

    /// - Parameter folder: prepared by somebody else, at ``ManualClock/start``.
    init(in folder: TemporaryFolder) throws {
        self.folder = folder
        audit = nil
        routes = ServiceRoutes(try Self.blueprint(in: folder, clock), time: clock.time, logger: log.logger)
    }

    private static func blueprint(in folder: TemporaryFolder, _ clock: ManualClock) throws -> Blueprint {
        try Blueprint(file: "\(folder.path)/countersign.yaml", environment: [:], now: clock.now)
    }

    /// Reads the configuration and what it refers to again, as SIGHUP does.
    /// - Returns: the settings that wait for a restart.
    func reload(_ change: (inout Settings) -> Void = { _ in }) throws -> [String] {
        var settings = Settings()
        change(&settings)
        try folder.write("countersign.yaml", settings.yaml)
        let generation = routes.signingKeys.generation
        return routes.reload(try Self.blueprint(in: folder, clock), readAt: generation)
    }

    func ask(
        _ method: HTTPRequest.Method, _ path: String, _ headers: HTTPFields = [:], _ body: String = "",
        isLeaving: Bool = false
    ) async throws -> Reply {
        let lines = headers.map { "\($0.name): \($0.value)\r\n" }.joined()
        var reader = HeadReader(HeadLimits())
        var input = ByteBuffer(string: "\(method) \(path) HTTP/1.1\r\nHost: x\r\n\(lines)\r\n")
        guard case .head(let head, _) = reader.read(&input) else { throw HTTPFault.headIncomplete }
        let request = IncomingRequest(
            head, id: "test", source: RequestSource(network: 1), arrivedAt: clock.time.elapsed(),
            body: WholeBody(bytes: Array(body.utf8)))
        let isOperations = ["/livez", "/readyz", "/metrics", "/status", "/revocations"].contains(path)
        let listener =
            isOperations
            ? routes.operationsRoutes(
                metrics: { "numbers" }, status: { readiness in Page(title: "\(readiness.status)") { "" } },
                isLeaving: { isLeaving }) : routes.publicRoutes
        do { return try await listener.reply(to: request) } catch {
            return Problem(error).reply(requestID: "test")
        }
    }

    func logIn(_ token: ModelToken? = nil, provider: String = "vip-loyalty") async throws -> Reply {
        let token = token ?? ModelToken(issuedAt: clock.now, keyID: TestKeys.rs256.keyID)
        let text = String(decoding: try token.signed(by: TestKeys.rs256), as: UTF8.self)
        return try await ask(
            .post, "/post_login_callback/\(provider)", [.contentType: "application/json"],
            #"{"identity":"\#(text)"}"#)
    }

    func session(_ externalIdentity: String) async throws -> Reply {
        try await ask(.get, "/session", [.authorization: "Bearer \(externalIdentity)"])
    }
}

private struct WholeBody: RequestBody {
    let bytes: [UInt8]

    func collect(upTo limit: Int) async throws -> [UInt8] {
        guard bytes.count <= limit else { throw Problem(.bodyTooLarge) }
        return bytes
    }
}

extension Reply {
    var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }

    /// A string member of the JSON body; nil if there is none.
    func string(_ name: ExactText) -> String? { json[name]?.string.map { String($0) } }

    var externalIdentity: String { string("external_identity") ?? "" }
}

extension StartUpError? {
    /// What the operator is told; empty if nothing was thrown.
    var text: String { map { "\($0)" } ?? "" }
}
