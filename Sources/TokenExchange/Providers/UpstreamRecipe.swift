/// How to ask one of the retailer's internal services for a token that matches an identity.
package struct UpstreamRecipe: Sendable, Equatable {
    package let endpoint: UpstreamEndpoint
    /// Time, attempts, connections and TLS of every call.
    package let transport: UpstreamTransport
    package let headers: [UpstreamField]
    package let body: [UpstreamField]
    /// A call that is made first, for the token that ``UpstreamField/Source/accessToken`` sends; nil for none.
    package let access: UpstreamAccess?
    /// A longer token is refused.
    package let maximumBytes: Int
    /// How many devices of one associate may hold the same token. The session lists each, so that it can be revoked.
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

    /// The top-level claims of the identity token that a request contains.
    var claimRoots: [ExactText] { (headers + body).flatMap(\.claimRoots) }
}

/// One call: its URL, its format, and where the token is in the answer.
package struct UpstreamEndpoint: Sendable, Hashable {
    /// Of the body of a request.
    package enum Format: String, Sendable, CaseIterable {
        case json, form
    }

    /// Raw values are what is sent.
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
    /// Where the answer, which is JSON, has the token.
    package let tokenAt: JSONPointer
    /// Nil if the answer does not say.
    package let expiry: Expiry?
    /// An answer with any other status has no token.
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

/// A certificate with those that issued it, and its private key: absolute paths of two PEM files. For a server or a client.
package struct TLSFiles: Sendable, Hashable {
    package let certificateChain: String
    package let privateKey: String

    package init(certificateChain: String, privateKey: String) {
        self.certificateChain = certificateChain
        self.privateKey = privateKey
    }
}

/// How an internal service is called: limits, retries, TLS.
package struct UpstreamTransport: Sendable, Hashable {
    /// For one attempt, from the look-up of the name to the last byte.
    package let timeout: Duration
    /// At least 1.
    package let attempts: Int
    /// Whether a call may be made again after a 502, 503 or 504.
    package let isIdempotent: Bool
    /// The most at once.
    package let connections: Int
    /// In progress or waiting for a connection.
    package let calls: Int
    /// Of a body; a longer one is cut off, and the call fails.
    package let maximumAnswerBytes: Int
    package let circuitBreaker: CircuitBreakerLimits
    /// Nil for the system's roots.
    package let certificateAuthorityFile: String?
    package let clientCertificate: TLSFiles?

    package init(
        timeout: Duration = .seconds(2), attempts: Int = 2, isIdempotent: Bool = false, connections: Int = 64,
        calls: Int = 1024, maximumAnswerBytes: Int = 65_536,
        circuitBreaker: CircuitBreakerLimits = CircuitBreakerLimits(),
        certificateAuthorityFile: String? = nil, clientCertificate: TLSFiles? = nil
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

/// When calls to a failing service are stopped, and for how long.
package struct CircuitBreakerLimits: Sendable, Hashable {
    /// How many in a row open the circuit.
    package let failures: Int
    /// The first pause; see ``longestPause``.
    package let pause: Duration
    /// The pause doubles with each failed probe up to this. A longer `Retry-After` counts as this.
    package let longestPause: Duration

    package init(failures: Int = 5, pause: Duration = .seconds(1), longestPause: Duration = .seconds(30)) {
        self.failures = failures
        self.pause = pause
        self.longestPause = longestPause
    }
}

/// A first call for an access token that the real call sends (RFC 6749 §4.4). It is the same for every identity, so it
/// is kept.
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
    /// Where a value comes from.
    package enum Source: Sendable, Equatable {
        /// A claim of the identity token, or a constant.
        case claim(ClaimMapping)
        case secret(UpstreamSecret)
        /// The identity token as it arrived.
        case identityToken
        /// The token that ``UpstreamRecipe/access`` returned.
        case accessToken
    }

    package let name: ExactText
    package let source: Source
    /// Sent before the value, such as `Bearer `.
    package let prefix: ExactText

    package init(name: ExactText, source: Source, prefix: ExactText = "") {
        self.name = name
        self.source = source
        self.prefix = prefix
    }

    /// The paths in the identity token that its value comes from.
    package var paths: [ClaimPath] {
        if case .claim(let mapping) = source { mapping.paths } else { [] }
    }

    var claimRoots: [ExactText] { paths.map(\.root) }
}

/// A reference to a secret. It is read for every request, so that a rotated file takes effect.
package struct UpstreamSecret: Sendable, Equatable, Redacted {
    /// The variable or file, which tells it from other secrets.
    private let place: ExactText
    /// Ends within `limit`. Errors name the variable or the file, never the content.
    package let read: @Sendable (_ limit: Duration) async throws -> String

    package init(place: ExactText, read: @escaping @Sendable (_ limit: Duration) async throws -> String) {
        self.place = place
        self.read = read
    }

    package static func == (left: UpstreamSecret, right: UpstreamSecret) -> Bool { left.place == right.place }
}

extension JSONValue {
    /// The value in a header or form: a list as words, as in `scope`; an object as JSON.
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
    /// Whether it may be the value of a header: printable ASCII and spaces.
    package var fitsHeader: Bool { utf8.allSatisfy { (0x20...0x7E).contains($0) } }
}
