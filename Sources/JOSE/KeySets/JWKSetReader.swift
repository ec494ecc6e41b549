package import TokenExchange

/// An issuer's usable keys, and why the others are not used.
package struct JWKSet: Sendable {
    package let verifiers: [OpenSSLTokenVerifier]
    /// In the order of the set.
    package let skipped: [SkippedJWK]
}

/// The document is not a JWK Set within the limits. Contains nothing of the document.
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

/// Reads JWK Sets (RFC 7517 §5). A key that cannot be used is skipped with a reason and does not affect the others. A
/// document is refused as a whole only if it is not a JSON object with an array of keys, within the limits.
package struct JWKSetReader: Sendable {
    /// Of the document.
    package static let byteLimit = 256 * 1024
    /// Skipped keys count, too.
    package static let keyLimit = 100
    /// Far deeper than any key, and easily held by a thread's stack.
    private static let limits = JSONLimits(depth: 128)

    private let byteLimit: Int
    private let keyLimit: Int

    /// The limits are parameters for tests.
    package init(byteLimit: Int = Self.byteLimit, keyLimit: Int = Self.keyLimit) {
        self.byteLimit = byteLimit
        self.keyLimit = keyLimit
    }

    /// - Parameter allowed: the tenant's algorithms. A JWK's `alg` must be one of them; a key without `alg` serves all
    ///   that fit its type.
    package func read(
        _ document: [UInt8], allowing allowed: Set<SignatureAlgorithm>
    ) throws(JWKSetUnreadable) -> JWKSet {
        var collection = JWKCollection(allowed: allowed)
        var ownersOfAll: [(Int, JWK)] = []
        for (index, element) in try elements(of: document).enumerated() {
            guard let key = collection.read(element, at: index) else { continue }
            // A key that names its algorithm comes before one that would serve any.
            if key.algorithm == nil { ownersOfAll.append((index, key)) } else { collection.add(key, at: index) }
        }
        for (index, key) in ownersOfAll { collection.add(key, at: index) }
        return JWKSet(verifiers: collection.verifiers, skipped: collection.skipped.sorted { $0.index < $1.index })
    }

    private func elements(of document: [UInt8]) throws(JWKSetUnreadable) -> [ArraySlice<UInt8>] {
        guard document.count <= byteLimit else { throw .tooLarge(limit: byteLimit) }
        if let encoding = TextEncoding(of: document) { throw .otherEncoding(encoding) }
        let set: JSONObject
        do {
            set = try JSONObject(Array(document.withoutByteOrderMark), limits: Self.limits, strictness: .grammar)
        } catch { throw .json(error) }
        guard set.names.count(where: { $0 == "keys" }) < 2 else { throw .json(.duplicateMember) }
        guard let elements = set.elements("keys") else { throw .noKeysMember }
        guard elements.count <= keyLimit else { throw .tooManyKeys(limit: keyLimit) }
        return elements
    }

    fileprivate static func object(_ element: ArraySlice<UInt8>) -> JSONObject? {
        try? JSONObject(Array(element), limits: limits, strictness: .grammar)
    }
}

/// The usable keys of a set so far.
private struct JWKCollection {
    private let allowed: Set<SignatureAlgorithm>
    private(set) var verifiers: [OpenSSLTokenVerifier] = []
    private(set) var skipped: [SkippedJWK] = []
    /// For keys with a `kid`: the thumbprint of the key that has it.
    private var owners: [Selector: ExactText] = [:]
    /// For keys without a `kid`.
    private var unnamed: Set<Selector> = []

    /// RFC 7517 §4.5: keys may share a `kid` if they are for different algorithms.
    private struct Selector: Hashable {
        /// Or the thumbprint of a key without one.
        let keyID: ExactText
        let algorithm: SignatureAlgorithm
    }

    init(allowed: Set<SignatureAlgorithm>) {
        self.allowed = allowed
    }

    /// Nil for an element that is skipped.
    mutating func read(_ element: ArraySlice<UInt8>, at index: Int) -> JWK? {
        let object = JWKSetReader.object(element)
        do throws(JWKFault) {
            guard let object else { throw JWKFault(.malformed) }
            return try JWK(JWKMembers(object))
        } catch {
            skip(error, keyID: object?.string("kid"), at: index)
            return nil
        }
    }

    mutating func add(_ key: JWK, at index: Int) {
        do throws(JWKFault) { try add(key) } catch { skip(error, keyID: key.keyID, at: index) }
    }

    private mutating func skip(_ fault: JWKFault, keyID: ExactText?, at index: Int) {
        skipped.append(
            SkippedJWK(index: index, keyID: keyID?.detached, member: fault.member, reason: fault.reason))
    }

    private mutating func add(_ jwk: JWK) throws(JWKFault) {
        let fitting = jwk.parameters.type.algorithms(among: allowed)
            .filter { jwk.algorithm == nil || jwk.algorithm == $0 }
        guard !fitting.isEmpty else { throw JWKFault(.algorithmNotAllowed, in: jwk.algorithm.map { _ in "alg" }) }
        let key: KeyHandle
        do { key = try KeyHandle(jwk.parameters) } catch {
            throw if case .ec = jwk.parameters.type { JWKFault(.pointNotOnCurve) } else { JWKFault(.malformed) }
        }
        let thumbprint = jwk.parameters.thumbprint
        let free = fitting.filter { isFree(for: jwk.keyID, $0, thumbprint) }
        guard !free.isEmpty else { throw JWKFault(.keyIDTaken, in: "kid") }
        for algorithm in free where take(jwk.keyID, algorithm, thumbprint) {
            do {
                verifiers.append(try OpenSSLTokenVerifier(key, jwk.parameters, keyID: jwk.keyID, algorithm: algorithm))
            } catch { throw JWKFault(.malformed) }
        }
    }

    private func isFree(for keyID: ExactText?, _ algorithm: SignatureAlgorithm, _ thumbprint: ExactText) -> Bool {
        guard let keyID else { return true }
        return owners[Selector(keyID: keyID, algorithm: algorithm), default: thumbprint] == thumbprint
    }

    /// - Returns: false if the same key is there already.
    private mutating func take(
        _ keyID: ExactText?, _ algorithm: SignatureAlgorithm, _ thumbprint: ExactText
    ) -> Bool {
        guard let keyID else { return unnamed.insert(Selector(keyID: thumbprint, algorithm: algorithm)).inserted }
        return owners.updateValue(thumbprint, forKey: Selector(keyID: keyID, algorithm: algorithm)) == nil
    }
}
