import TokenExchange

extension ClaimCondition {
    /// `{ claim: …, contains: … }`, or another test in place of `contains`.
    static func read(_ section: MappingReader) -> ClaimCondition? {
        let claim = section.required("claim") { $0.claimPath() }
        let test: Test? = section.exactlyOne([
            "contains": { $0.jsonScalar().map(Test.contains) },
            "equals": { $0.jsonValue().map(Test.equals) },
            "any_of": { $0.list(atLeast: 1) { $0.jsonValue() }.map(Test.anyOf) },
            "matches": { $0.pattern().map(Test.matches) },
        ])
        guard let claim, let test else { return nil }
        return ClaimCondition(claim: claim, test: test)
    }
}

extension NodeReader {
    fileprivate func pattern() -> AnchoredPattern? {
        guard let text = string("a regular expression") else { return nil }
        do {
            return try AnchoredPattern(text)
        } catch {
            report(expected: "a regular expression", remedy: "It does not compile: \(error).")
            return nil
        }
    }
}
