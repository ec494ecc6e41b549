/// How an internal service of the retailer is asked for a token that matches an identity.
package struct UpstreamRecipe: Sendable, Equatable {
    package let endpoint: UpstreamEndpoint
    /// Time, attempts, connections and TLS of every call.
    package let transport: UpstreamTransport
    package let headers: [UpstreamField]
    package let body: [UpstreamField]
    /// A call that comes first, whose token ``UpstreamField/Source/accessToken`` stands for; nil for none.
    package let access: UpstreamAccess?
    /// A longer token is not answered.
    package let maximumBytes: Int
    /// How many devices of one associate may hold the same token: a session remembers each, so that it can be revoked.
    package let deviceLimit: Int

    package init(
        endpoint: UpstreamEndpoint, transport: UpstreamTransport, headers: [UpstreamField] = [],
        body: [UpstreamField] = [], access: UpstreamAccess? = nil, maximumBytes: Int = 4096, deviceLimit: Int = 32
    ) {
        self.deviceLimit = deviceLimit
        self.endpoint = endpoint
        self.transport = transport
        self.headers = headers
        self.body = body
        self.access = access
        self.maximumBytes = maximumBytes
    }

    /// The top-level claims of the identity token that a request is made of.
    var claimRoots: [ExactText] { (headers + body).flatMap(\.claimRoots) }
}

/// One call: where to, in which form, and where its answer holds the token.
package struct UpstreamEndpoint: Sendable, Hashable {
    package enum Format: String, Sendable, CaseIterable {
        case json, form
    }

    package enum Method: String, Sendable, CaseIterable {
        case post = "POST"
        case put = "PUT"
        /// Without a body.
        case get = "GET"
    }

    /// Where an answer says how long its token lives.
    package enum Expiry: Sendable, Hashable {
        /// Seconds from now.
        case inSeconds(JSONPointer)
        /// Unix time in seconds.
        case at(JSONPointer)
    }

    package let url: ExactText
    package let method: Method
    package let format: Format
    package let tokenAt: JSONPointer
    /// Nil: the answer does not say.
    package let expiry: Expiry?
    package let successStatuses: Set<Int>

    package init(
        url: ExactText, method: Method = .post, format: Format = .json, tokenAt: JSONPointer, expiry: Expiry? = nil,
        successStatuses: Set<Int> = [200]
    ) {
        self.url = url
        self.method = method
        self.format = format
        self.tokenAt = tokenAt
        self.expiry = expiry
        self.successStatuses = successStatuses
    }
}

package struct UpstreamTransport: Sendable, Hashable {
    package struct ClientCertificate: Sendable, Hashable {
        package let certificateChain: String
        package let privateKey: String

        package init(certificateChain: String, privateKey: String) {
            self.certificateChain = certificateChain
            self.privateKey = privateKey
        }
    }

    /// For one attempt, from the look-up of the name to the last byte.
    package let timeout: Duration
    /// At least 1.
    package let attempts: Int
    /// Whether a call may be made again after a 502, 503 or 504.
    package let isIdempotent: Bool
    package let connections: Int
    /// Under way or waiting for a connection.
    package let calls: Int
    /// Of a body; what goes on beyond is cut off unread.
    package let maximumAnswerBytes: Int
    package let circuitBreaker: CircuitBreakerLimits
    /// Nil for the system's roots.
    package let certificateAuthorityFile: String?
    package let clientCertificate: ClientCertificate?

    package init(
        timeout: Duration = .seconds(2), attempts: Int = 2, isIdempotent: Bool = false, connections: Int = 64,
        calls: Int = 1024, maximumAnswerBytes: Int = 65_536,
        circuitBreaker: CircuitBreakerLimits = CircuitBreakerLimits(),
        certificateAuthorityFile: String? = nil, clientCertificate: ClientCertificate? = nil
    ) {
        self.timeout = timeout
        self.attempts = attempts
        self.isIdempotent = isIdempotent
        self.connections = connections
        self.calls = calls
        self.maximumAnswerBytes = maximumAnswerBytes
        self.circuitBreaker = circuitBreaker
        self.certificateAuthorityFile = certificateAuthorityFile
        self.clientCertificate = clientCertificate
    }
}

/// When a service that fails is left alone, and for how long.
package struct CircuitBreakerLimits: Sendable, Hashable {
    /// In a row.
    package let failures: Int
    package let pause: Duration
    /// The pause doubles with each failed probe up to this, and no `Retry-After` counts for more.
    package let longestPause: Duration

    package init(failures: Int = 5, pause: Duration = .seconds(1), longestPause: Duration = .seconds(30)) {
        self.failures = failures
        self.pause = pause
        self.longestPause = longestPause
    }
}

/// A call that brings an access token for the real one (RFC 6749 §4.4). The same for every identity, so it is kept.
package struct UpstreamAccess: Sendable, Equatable {
    package let endpoint: UpstreamEndpoint
    package let headers: [UpstreamField]
    package let body: [UpstreamField]

    package init(endpoint: UpstreamEndpoint, headers: [UpstreamField], body: [UpstreamField]) {
        self.endpoint = endpoint
        self.headers = headers
        self.body = body
    }
}

/// A header or a member of the body.
package struct UpstreamField: Sendable, Equatable {
    package enum Source: Sendable, Equatable {
        /// Of the identity token, or a constant.
        case claim(ClaimMapping)
        case secret(UpstreamSecret)
        /// The identity token as it arrived.
        case identityToken
        /// What ``UpstreamRecipe/access`` brought.
        case accessToken
    }

    package let name: ExactText
    package let source: Source
    /// Stands before the value, as `Bearer ` does.
    package let prefix: ExactText

    package init(name: ExactText, source: Source, prefix: ExactText = "") {
        self.name = name
        self.source = source
        self.prefix = prefix
    }

    var claimRoots: [ExactText] {
        if case .claim(let mapping) = source { mapping.paths.map(\.root) } else { [] }
    }
}

/// A reference to a secret. Read for every request, so that a rotated file is seen.
package struct UpstreamSecret: Sendable, Equatable, Redacted {
    /// What tells it from others: the variable or file.
    private let place: ExactText
    /// Ends within a limit. Throws what names the variable or the file, never the content.
    package let read: @Sendable (_ limit: Duration) async throws -> String

    package init(place: ExactText, read: @escaping @Sendable (_ limit: Duration) async throws -> String) {
        self.place = place
        self.read = read
    }

    package static func == (left: UpstreamSecret, right: UpstreamSecret) -> Bool { left.place == right.place }
}

extension JSONValue {
    /// As headers and forms have values: a list as words, as in `scope`; an object as JSON.
    package var plainText: String {
        switch self {
        case .string(let string): String(string)
        case .null: ""
        case .array(let elements): elements.map(\.plainText).joined(separator: " ")
        case .bool, .number, .object: String(decoding: text, as: UTF8.self)
        }
    }
}

extension String {
    /// Whether a header can hold it: printable ASCII and blanks.
    package var fitsHeader: Bool { utf8.allSatisfy { (0x20...0x7E).contains($0) } }
}
