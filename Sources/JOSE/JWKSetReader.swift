package import TokenExchange

// JOSE: keys, signatures and claims sets, as RFC 7515 to 7519, 7638 and 8037 have them.
//
// This target implements the domain's ports TokenVerifier, TokenSigner, RecordSealer and ClaimsReader with two C
// libraries, each behind a folder that no C type leaves:
//
//   * OpenSSL/ does every signature, digest, seal and random byte. A key is parsed once (KeyHandle); what an operation
//     needs is made ready once and lent out from a ContextPool, one thread at a time.
//   * LibJWT/ reads the claims of tokens whose signature is good already, and gives a second opinion on signatures.
//     It never decides trust.
//
// Keys come in by three doors: JWKSetReader (an issuer's published set), PublicKeyPEM (a tenant's key file) and
// SigningKeyDirectory (our own ring). All three end in PublicKeyParameters, where strength is judged, and in one
// OpenSSLTokenVerifier or OpenSSLTokenSigner per key and algorithm. What a token says never reaches this target but as
// bytes to verify.

/// An issuer's keys, and what became of the rest of its set.
package struct JWKSet: Sendable {
    package let verifiers: [OpenSSLTokenVerifier]
    /// One entry for each key that is not used; without `kid`s, which are the issuer's text.
    package let skipped: [JWKSkipReason]
}

/// The document is no JWK Set within the limits. Says nothing of its content.
package enum JWKSetUnreadable: Error, Equatable, CustomStringConvertible {
    case tooLarge(limit: Int)
    case otherEncoding(TextEncoding)
    case json(JSONError)
    case noKeysMember
    case tooManyKeys(limit: Int)

    package var description: String {
        switch self {
        case .tooLarge(let limit): "the JWK set has more than \(limit) bytes"
        case .otherEncoding(let encoding):
            "expected a JWK set in UTF-8, found text in \(encoding.rawValue); save the file as UTF-8"
        case .json(.malformed): "expected a JWK set, found no valid JSON"
        case .json(.duplicateMember): "the JWK set has an object with two members of one name"
        case .json(.tooDeep): "the JWK set is nested too deeply"
        case .json(.tooManyMembers): "the JWK set has an object with too many members"
        case .noKeysMember: "expected a JWK set, found JSON without an array \"keys\""
        case .tooManyKeys(let limit): "the JWK set has more than \(limit) keys"
        }
    }
}

/// Reads JWK Sets (RFC 7517 §5). A key that cannot be used is skipped with a reason and never spoils the set.
package struct JWKSetReader: Sendable {
    package static let byteLimit = 256 * 1024
    package static let keyLimit = 100

    private let byteLimit: Int
    private let keyLimit: Int
    private let jsonLimits = JSONLimits(depth: 16, members: 256)

    package init(byteLimit: Int = Self.byteLimit, keyLimit: Int = Self.keyLimit) {
        self.byteLimit = byteLimit
        self.keyLimit = keyLimit
    }

    /// - Parameter allowed: the tenant's algorithms. A JWK's `alg` must be one; without one it serves all that fit its type.
    package func read(
        _ document: [UInt8], allowing allowed: Set<SignatureAlgorithm>
    ) throws(JWKSetUnreadable) -> JWKSet {
        var collection = JWKCollection(allowed: allowed)
        for key in try keys(of: document) {
            do throws(JWKSkipReason) { try collection.add(key) } catch { collection.skipped.append(error) }
        }
        return JWKSet(verifiers: collection.verifiers, skipped: collection.skipped)
    }

    private func keys(of document: [UInt8]) throws(JWKSetUnreadable) -> [JSONValue] {
        guard document.count <= byteLimit else { throw .tooLarge(limit: byteLimit) }
        let value: JSONValue
        if let encoding = TextEncoding(of: document) { throw .otherEncoding(encoding) }
        do { value = try JSONValue(parsing: Array(document.withoutByteOrderMark), limits: jsonLimits) } catch {
            throw .json(error)
        }
        guard case .array(let keys) = value["keys"] else { throw .noKeysMember }
        guard keys.count <= keyLimit else { throw .tooManyKeys(limit: keyLimit) }
        return keys
    }
}

/// The usable keys of a set so far.
private struct JWKCollection {
    let allowed: Set<SignatureAlgorithm>
    var verifiers: [OpenSSLTokenVerifier] = []
    var skipped: [JWKSkipReason] = []
    private var thumbprints: [ExactText: ExactText] = [:]
    private var present: Set<Binding> = []

    private struct Binding: Hashable {
        let keyID: ExactText?
        let thumbprint: ExactText
        let algorithm: SignatureAlgorithm
    }

    init(allowed: Set<SignatureAlgorithm>) {
        self.allowed = allowed
    }

    mutating func add(_ value: JSONValue) throws(JWKSkipReason) {
        let jwk = try JWK(value)
        let algorithms = jwk.parameters.type.algorithms(among: allowed)
            .filter { jwk.algorithm == nil || jwk.algorithm == $0 }
        guard !algorithms.isEmpty else { throw .algorithmNotAllowed }
        let key: KeyHandle
        do { key = try KeyHandle(jwk.parameters) } catch {
            throw if case .ec = jwk.parameters.type { .pointNotOnCurve } else { .malformed }
        }
        let thumbprint = jwk.parameters.thumbprint
        if let keyID = jwk.keyID, thumbprints[keyID, default: thumbprint] != thumbprint { throw .keyIDTaken }
        for algorithm in algorithms {
            let binding = Binding(keyID: jwk.keyID, thumbprint: thumbprint, algorithm: algorithm)
            guard !present.contains(binding) else { continue }
            do {
                verifiers.append(try OpenSSLTokenVerifier(key, jwk.parameters, keyID: jwk.keyID, algorithm: algorithm))
            } catch { throw .malformed }
            present.insert(binding)
        }
        if let keyID = jwk.keyID { thumbprints[keyID] = thumbprint }
    }
}
