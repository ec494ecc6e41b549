import HTTPTypes
import Synchronization
package import TokenExchange

/// What Countersign answers about the tokens of a verifier kit: the kit's key set, and introspection from a list.
package final class KitRoutes: Routes {
    /// How it answers.
    package enum Condition: Sendable {
        case well
        /// 503 to everything.
        case unavailable
        /// 200 with a page, as a wireless network's welcome.
        case page
        /// 200 with `{}`.
        case emptyObject
    }

    private struct State {
        var condition = Condition.well
        var isAsked = false
    }

    private let keySet: [UInt8]
    private let activeTokens: [ExternalIdentity: [UInt8]]
    private let id: [UInt8]
    private let secret: [UInt8]
    private let state = Mutex(State())

    /// - Parameters:
    ///   - activeTokens: the answers about them; all others are inactive.
    ///   - id: of the only verifier.
    package init(keySet: [UInt8], activeTokens: [ExternalIdentity: [UInt8]], id: [UInt8], secret: [UInt8]) {
        self.keySet = keySet
        self.activeTokens = activeTokens
        self.id = id
        self.secret = secret
    }

    /// Whether there was any request.
    package var isAsked: Bool { state.withLock(\.isAsked) }

    /// From now on.
    package func set(_ condition: Condition) { state.withLock { $0.condition = condition } }

    package func name(of path: ExactText) -> LabelValue { "kit" }

    package func reply(to request: IncomingRequest) async throws -> Reply {
        let condition = state.withLock { state in
            state.isAsked = true
            return state.condition
        }
        switch condition {
        case .well: break
        case .unavailable: throw Problem(.sessionStoreUnavailable)
        case .page: return Reply(status: .ok, headers: [.contentType: "text/html"], body: Array("<p>Welcome".utf8))
        case .emptyObject: return .json(Array("{}".utf8))
        }
        switch request.path {
        case "/.well-known/jwks.json": return .json(keySet, cacheControl: "public, max-age=600")
        case "/introspect": return .json(try await introspection(request))
        default: throw Problem(.notFound)
        }
    }

    private func introspection(_ request: IncomingRequest) async throws -> [UInt8] {
        let credentials = VerifierCredentials(authorization: request.head.headerFields[.authorization])
        guard let credentials, credentials.candidates.contains(where: { $0.id == id && $0.secret == secret }) else {
            throw Problem(.verifierRejected)
        }
        let token = try await request.collectToken(upTo: 32_768)
        return activeTokens[token] ?? Array(#"{"active":false}"#.utf8)
    }
}
