/// Why a deep link cannot be used, and which part of it is at fault. Holds nothing of what the link says.
public enum DeepLinkError: Error, Sendable, Hashable {
    /// What a link consists of.
    public enum Part: String, Sendable, Hashable, CaseIterable {
        /// All of it.
        case link
        /// The app's security token.
        case token
        case externalIdentity
        case cart
        case store
    }

    /// It is not there, is empty, or says `null`: for the external identity, the login went on without one.
    case missing(Part)
    /// It is there more than once.
    case doubled(Part)
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8.
    case wronglyEncoded(Part)
    /// It has another form than NewStore's. `member` is the place in the cart's or the store's JSON, as in
    /// `items.0.price`; nil if it is no JSON object, or no JSON at all.
    case malformed(Part, member: String?)
    case tooLong(Part, maximumBytes: Int)
}

extension DeepLinkError: CustomStringConvertible {
    /// In English, for a log.
    public var description: String {
        switch self {
        case .missing(.externalIdentity):
            "expected externalIdentity in the deep link, found none: the associate has to log in again"
        case .missing(let part): "expected \(part.rawValue) in the deep link, found none"
        case .doubled(let part): "expected \(part.rawValue) once in the deep link, found it more than once"
        case .wronglyEncoded(let part): "expected percent-encoded UTF-8 as \(part.rawValue), found something else"
        case .malformed(let part, member: let member?):
            "expected \(part.rawValue) as NewStore describes it, found its \(member) missing or of another type"
        case .malformed(let part, member: nil):
            part == .cart || part == .store
                ? "expected a JSON object as \(part.rawValue), found something else"
                : "expected printable characters as \(part.rawValue), found others"
        case .tooLong(let part, let maximum):
            "expected a \(part.rawValue) of at most \(maximum) bytes, found a longer one"
        }
    }
}
