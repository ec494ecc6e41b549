/// Finds the verifier that id and secret belong to.
///
/// Both are hashed together under a random key of this directory, and the digest is looked up. So the time that an
/// answer takes depends only on the length of what was presented: not on whether the id exists, nor on how much of the
/// secret was right, since nobody outside can predict a digest. No secret is kept.
package struct VerifierDirectory: Sendable {
    private let verifiers: [[UInt8]: Verifier]
    private let key: [UInt8]
    private let sealer: any RecordSealer

    /// A verifier with its secret, as configured.
    package struct Entry: Sendable {
        let verifier: Verifier
        let secret: [UInt8]

        package init(_ verifier: Verifier, secret: String) {
            self.verifier = verifier
            self.secret = Array(secret.utf8)
        }
    }

    /// Keeps only digests of the secrets.
    package init(_ entries: [Entry], sealer: any RecordSealer) {
        let key = sealer.randomBytes(32)
        let digests = entries.map { entry in
            (
                Self.digest(id: entry.verifier.id.bytes, secret: entry.secret, under: key, by: sealer),
                entry.verifier
            )
        }
        verifiers = Dictionary(digests) { first, _ in first }
        self.key = key
        self.sealer = sealer
    }

    /// Nil if the two do not belong together; it does not show which of them is wrong.
    package func verifier(id: [UInt8], secret: [UInt8]) -> Verifier? {
        verifiers[Self.digest(id: id, secret: secret, under: key, by: sealer)]
    }

    /// The length of the id is hashed, too, so that no two pairs have the same text.
    private static func digest(
        id: [UInt8], secret: [UInt8], under key: [UInt8], by sealer: any RecordSealer
    ) -> [UInt8] {
        let length = (0..<4).map { UInt8(truncatingIfNeeded: id.count >> ($0 * 8)) }
        return sealer.derive("countersign verifier v1\0", from: key, context: length + id + secret).bytes
    }
}
