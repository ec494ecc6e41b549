/// A script for pages that the Associate App opens, as it is served.
///
/// The files beside this one are compiled into the program. A version's bytes never change once it is released: pages
/// name them by their digest (Subresource Integrity in import maps). What changes becomes the next version, and the older ones stay,
/// since pages in use point to them.
struct WebviewScript: Sendable {
    let bytes: [UInt8]
    /// A strong validator, the same on every replica (RFC 9110 §8.8.3).
    let entityTag: String

    static let version1 = WebviewScript(PackageResources.countersign_v1_js)

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
        // FNV-1a: it tells versions apart, it does not protect them.
        let digest = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        entityTag = "\"\(String(digest, radix: 16))\""
    }

    /// Whether a client that sent `If-None-Match` has these bytes (weak comparison, RFC 9110 §13.1.2).
    func isHeld(by condition: String?) -> Bool {
        guard let condition else { return false }
        let tags = condition.split(separator: ",").map { $0.drop { $0 == " " || $0 == "\t" } }
        return tags.contains { tag in
            let opaque = tag.hasPrefix("W/") ? tag.dropFirst(2) : tag
            return tag.first == "*" || opaque.prefix { $0 != " " && $0 != "\t" } == entityTag
        }
    }
}
