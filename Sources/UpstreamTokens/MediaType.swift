/// The `Content-Type` of an answer, as far as it tells whether JSON can be read of it.
struct MediaType {
    /// In lower case, without parameters; nil if there is none.
    private let name: String?
    /// In lower case, without quotes; nil if there is none.
    private let charset: String?

    /// `field` is the value of `Content-Type`; nil if there is none.
    init(_ field: String?) {
        let parts = field?.lowercased().split(separator: ";").map { $0.filter { !" \t".contains($0) } } ?? []
        name = parts.first.flatMap { $0.isEmpty ? nil : $0 }
        charset = parts.dropFirst().first { $0.hasPrefix("charset=") }?.dropFirst(8).filter { $0 != "\"" }
    }

    /// What keeps `body` from being read as JSON; nil if nothing does. Nothing that the service sent.
    func complaint(about body: [UInt8]) -> String? {
        if let name, !Self.isJSON(name) { return "its Content-Type is not JSON" }
        // JSON is UTF-8 (RFC 8259 §8.1) whatever the header says; in ASCII there is no difference.
        let isUTF8 = charset.map { ["utf-8", "utf8", "us-ascii"].contains($0) } ?? true
        return isUTF8 || body.allSatisfy { $0 < 0x80 } ? nil : "its charset is not UTF-8"
    }

    /// `application/json`, `text/json`, or a type with the suffix (RFC 6839 §3.1).
    private static func isJSON(_ name: String) -> Bool {
        name == "application/json" || name == "text/json" || name.hasPrefix("application/") && name.hasSuffix("+json")
    }
}
