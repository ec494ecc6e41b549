import TokenExchange

extension PublicKeyParameters {
    /// RFC 7638 with SHA-256, base64url: 43 characters.
    var thumbprint: ExactText {
        Base64URL.text(OpenSSLRecordSealer().digest(JSONValue.object(members).text))
    }
}
