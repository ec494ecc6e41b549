public import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Asks Countersign whose session an external identity is.
///
/// An external identity is good only if this returns. Whatever goes wrong is an error: a Countersign that cannot be
/// reached has confirmed nobody.
public struct SessionClient: Sendable {
    private let service: URL
    private let identityProvider: String
    private let timeLimit: Duration
    private let maximumBytes: Int

    /// - Parameters:
    ///   - service: Countersign's address, its `public_url`.
    ///   - identityProvider: whose sessions the app is for; those of others are refused.
    ///   - timeLimit: for the whole answer.
    ///   - maximumBytes: a longer answer is not Countersign's.
    public init(
        service: URL, identityProvider: String, timeLimit: Duration = .seconds(5), maximumBytes: Int = 65_536
    ) {
        self.service = service
        self.identityProvider = identityProvider
        self.timeLimit = timeLimit
        self.maximumBytes = maximumBytes
    }

    /// The session, as Countersign knows it now.
    public func session(of identity: ExternalIdentity) async throws(SessionError) -> Session {
        var request = URLRequest(url: service.appendingPathComponent("session"))
        request.setValue("Bearer \(identity.value)", forHTTPHeaderField: "Authorization")
        guard let answer = await answer(to: request) else { throw .unreachable }
        switch answer.status {
        case 200:
            guard let session = try? JSONDecoder().decode(Session.self, from: answer.body) else { throw .unreachable }
            // By bytes: `==` would take a composed and a decomposed spelling for the same.
            guard session.identityProvider.utf8.elementsEqual(identityProvider.utf8) else { throw .refused }
            return session
        case 401: throw .refused
        default: throw .unreachable
        }
    }

    /// Nil if there is no whole answer in time.
    private func answer(to request: URLRequest) async -> Answer? {
        await withTaskGroup(of: Answer?.self) { group in
            group.addTask { await Answer(to: request, maximumBytes: maximumBytes) }
            group.addTask {
                try? await Task.sleep(for: timeLimit)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}

/// What Countersign says of an external identity that is good.
public struct Session: Sendable, Hashable {
    public let identityProvider: String
    public let tenant: String
    /// Who the associate is.
    public let subject: String
    public let expiresAt: Date
    /// False if Countersign could not ask its store, and went by the signature alone (optional providers only): a session
    /// that was ended early would still be here.
    public let isConfirmed: Bool
}

/// Why there is no session.
public enum SessionError: Error, Sendable, Hashable {
    /// Countersign says that the identity is not good, or it is for another provider: the associate has to log in again.
    case refused
    /// No answer, or none of Countersign's. It says nothing about the identity: try again.
    case unreachable
}

extension Session: Decodable {
    private enum CodingKeys: String, CodingKey {
        case active, tenant, session
        case identityProvider = "identity_provider"
        case subject = "sub"
        case expiresAt = "exp"
    }

    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        guard try members.decode(Bool.self, forKey: .active) else {
            throw DecodingError.dataCorruptedError(forKey: .active, in: members, debugDescription: "not active")
        }
        identityProvider = try members.decode(String.self, forKey: .identityProvider)
        tenant = try members.decode(String.self, forKey: .tenant)
        subject = try members.decode(String.self, forKey: .subject)
        expiresAt = Date(timeIntervalSince1970: try members.decode(Double.self, forKey: .expiresAt))
        isConfirmed = try members.decodeIfPresent(String.self, forKey: .session) == nil
    }
}
