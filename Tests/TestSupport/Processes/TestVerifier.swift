import Foundation

/// A back end with its secret.
package struct TestVerifier: Sendable {
    package let id: String
    package let secret: String
    let identityProviders: String
    let mayRevoke: String

    package init(_ id: String, of identityProviders: String, mayRevoke: String = "false", secret: String? = nil) {
        self.id = id
        self.secret = secret ?? "the secret of \(id)"
        self.identityProviders = identityProviders
        self.mayRevoke = mayRevoke
    }

    var secretFile: String { "\(id).secret" }

    var yaml: String {
        "  - { id: \(id), secret: { file: \(secretFile) }, identity_providers: [\(identityProviders)], "
            + "may_revoke: \(mayRevoke) }\n"
    }

    /// The value of an `Authorization` header.
    package var basic: String { Self.basic(id, secret) }

    package static func basic(_ id: String, _ secret: String) -> String {
        "Basic " + Data("\(id):\(secret)".utf8).base64EncodedString()
    }
}
