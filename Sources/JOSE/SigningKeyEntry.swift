package import TokenExchange

/// What a key directory holds.
package struct SigningKeys: Sendable {
    package let ring: SigningKeyRing
    /// Sorted by file name.
    package let entries: [SigningKeyEntry]
}

/// One key of the directory, for a human's list.
package struct SigningKeyEntry: Sendable, Equatable {
    package enum State: String, Sendable {
        /// Signs, and is published.
        case active
    }

    /// RFC 7638 thumbprint.
    package let keyID: String
    package let algorithm: SignatureAlgorithm
    package let fileName: String
    package let state: State

    init(_ name: SigningKeyName) {
        keyID = name.keyID
        algorithm = name.algorithm
        fileName = name.fileName
        state = .active
    }
}

/// `<algorithm>-<kid>.pem`.
struct SigningKeyName {
    static let suffix = ".pem"

    let algorithm: SignatureAlgorithm
    let keyID: String

    var fileName: String { "\(algorithm.rawValue)-\(keyID)\(Self.suffix)" }

    init(algorithm: SignatureAlgorithm, keyID: String) {
        self.algorithm = algorithm
        self.keyID = keyID
    }

    /// Nil for a name of any other form; `kid` must be what a SHA-256 thumbprint looks like.
    init?(fileName: String) {
        let parts = fileName.dropLast(Self.suffix.count).split(separator: "-", maxSplits: 1)
        guard parts.count == 2, let algorithm = SignatureAlgorithm(rawValue: String(parts[0])),
            SignatureAlgorithm.minting.contains(algorithm), Base64URL.decode(Array(parts[1].utf8))?.count == 32
        else { return nil }
        self.init(algorithm: algorithm, keyID: String(parts[1]))
    }
}
