extension UnverifiedToken {
    private static let ambiguousJSON = "Ask the issuer: its token holds JSON that readers take in different ways."

    /// The rules about the form of a token, whoever issued it.
    static let rules = [
        VerificationRule(
            name: "size", refusals: [.tokenTooLarge],
            expected: { "at most \($0.limits.tokenBytes) bytes" }, found: { .init(shape: "\($0.byteCount) bytes") },
            remedy: "Raise limits.token_bytes, or have the issuer put fewer claims into the token."),
        VerificationRule(
            name: "segments", refusals: [.notThreeSegments], expected: { _ in "three segments, none empty" },
            remedy: "Send the compact serialization of a signed JWT: header.payload.signature."),
        VerificationRule(
            name: "encoding", refusals: [.notBase64URL], expected: { _ in "canonical base64url in each segment" },
            remedy: "Send the token as it was issued: base64url without padding or white space."),
        VerificationRule(
            name: "header", refusals: [.headerMalformed, .headerDuplicateMember],
            expected: { _ in "a JSON object, no member twice" }, remedy: ambiguousJSON),
        VerificationRule(
            name: "header_parameters", refusals: [.headerParameterForbidden],
            expected: { _ in "no \(CompactJWS.forbiddenParameters.map(\.description).joined(separator: ", "))" },
            remedy: "Have the issuer leave out jku, jwk, x5u, x5c, crit, b64 and zip."),
        VerificationRule(
            name: "algorithm_known", refusals: [.algorithmUnknown],
            expected: { _ in "one of \(ExplainedToken.list(SignatureAlgorithm.allCases.map(\.rawValue)))" },
            found: \.algorithm, remedy: VerifyIdentityToken.otherAlgorithm),
        VerificationRule(
            name: "key_id", refusals: [.keyIDMalformed],
            expected: { _ in "absent, or a string of 1 to \(CompactJWS.maximumKeyIDLength) characters" },
            found: { $0.header(\.keyID) },
            remedy: "Have the issuer name its key by a string of 1 to 128 characters, or not at all."),
        VerificationRule(
            name: "claims_form", refusals: [.claimsMalformed, .claimsDuplicateMember],
            expected: { _ in "a JSON object, no member twice at any depth" }, remedy: ambiguousJSON),
    ]
}
