/// A reader of untrusted bytes, and what must hold of it whatever the bytes are.
///
/// The fuzz harnesses (Tests/Fuzz) call these with bytes that libFuzzer makes up, the replay tests with every file of
/// the corpora. Raw values are names of harnesses and of folders.
package enum FuzzTarget: String, Sendable, CaseIterable {
    case base64URL = "FuzzBase64URL"
    case callbackBody = "FuzzCallbackBody"
    case json = "FuzzJSON"
    case keySet = "FuzzKeySet"
    case token = "FuzzToken"

    /// - Throws: the first property that does not hold. To trap or read past an end is a finding as well.
    package func check(_ input: [UInt8]) throws(BrokenProperty) {
        switch self {
        case .base64URL: try Base64URLProperties.check(input)
        case .callbackBody: try CallbackBodyProperties.check(input)
        case .json: try JSONProperties.check(input)
        case .keySet: try KeySetProperties.check(input)
        case .token: try TokenProperties.check(input)
        }
    }
}

/// What did not hold. Says nothing of the input, which libFuzzer keeps.
package struct BrokenProperty: Error, CustomStringConvertible {
    package let description: String
}

func require(_ condition: Bool, _ property: String) throws(BrokenProperty) {
    guard condition else { throw BrokenProperty(description: property) }
}
