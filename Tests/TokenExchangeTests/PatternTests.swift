import Glibc
import TestSupport
import Testing
import TokenExchange

/// What `matches` means, what it refuses, and that its time is linear in the claim.
@Suite struct PatternTests {
    private func matches(_ pattern: String, _ text: String) throws -> Bool {
        try AnchoredPattern(pattern).matches(ExactText(text))
    }

    @Test(arguments: [
        ("abc", "abc", "abcd xabc ab"), ("^abc$", "abc", "xabc"), ("a|bc", "a bc", "abc ac"),
        ("(a|b)c", "ac bc", "c abc"),
        ("(?:ab)+", "ab abab", "aba"), ("a?", "a", "aa"), ("a*", "a aaa", "b"), ("a{2}", "aa", "a aaa"),
        ("a{2,}", "aa aaaaa", "a"), ("a{2,3}", "aa aaa", "a aaaa"), ("a{0,1}b", "b ab", "aab"),
        ("a{,2}", "a aa", "aaa"),
        ("a{0}b", "b", "ab"), (#"\d{3}"#, "123", "12 1234 12a ١٢٣"), (#"\w+"#, "a_Z9", "a-b é"),
        (#"\S\D"#, "ab éé", "a1"),
        (#"[\w.+-]+@x\.y"#, "a.b+c-d@x.y", "a@xzy"), (#"\W"#, "- é", "a"), ("[a-c]+", "abc", "d -"),
        ("[^a-c]", "d é", "a"),
        ("[]a]+", "] a]", "[ b"), ("[^]a]", "b [", "] a"), ("[a-]+", "a- -", "b"), (#"[\]\\]+"#, #"]\ \"#, "a"),
        ("[[:alpha:]]+", "aZ", "a1 é"), ("[[:digit:][:punct:]]+", "1!2?", "a"), ("[[:xdigit:]]+", "09afAF", "g"),
        ("J.rg", "J\u{F6}rg Jerg", "J\u{F6}\u{F6}rg Jo\u{308}rg"), ("é+", "é éé", "e e\u{301}"), ("[äö]", "ä ö", "ü a"),
        ("[^ä]", "ö a", "ä"), (#".+@acme\.example"#, "x@acme.example", "@acme.example x@acme.example.evil"),
        (#"\{\}\.\*\+\?\(\)\[\]\|\^\$\/\-"#, "{}.*+?()[]|^$/-", "x"), ("()a", "a", "aa"), ("a(|b)c", "ac abc", "abbc"),
        ("(a*)*b", "b aab", "a"), ("a^b|c", "c", "ab a^b"), ("(a$|ab)", "a ab", "b"), ("x}y", "x}y", "xy"),
    ])
    func matchesTheWholeClaim(pattern: String, good: String, bad: String) throws {
        for text in good.split(separator: " ") { #expect(try matches(pattern, String(text)), "\(pattern) and \(text)") }
        for text in bad.split(separator: " ") { #expect(try !matches(pattern, String(text)), "\(pattern) not \(text)") }
    }

    @Test func treatsNewlinesAndSpacesAsCharacters() throws {
        #expect(try matches(".", "\n") && matches("[^a]", "\n") && matches(#"a\sb"#, "a\tb") && matches("", ""))
        #expect(try !matches("a", "a\n") && !matches("", " ") && !matches("a$", "a\nb"))
    }

    @Test func neverMatchesBytesThatAreNotText() throws {
        #expect(!(try AnchoredPattern(".*").matches(ExactText(bytes: [0x61, 0xFF]))))
    }

    @Test(arguments: [
        (#"(a)\1"#, "back-reference"), (#"\k<a>"#, "back-reference"), ("(?=a)", "Look-around"),
        ("(?!a)", "Look-around"),
        ("(?<=a)", "Look-around"), ("(?<!a)", "Look-around"), ("(?<name>a)", "named group"),
        ("(?P<name>a)", "named group"),
        ("(?i)a", "flag"), ("(?i:a)", "flag"), ("(?-s:.)", "flag"), ("(?>a)", "atomic group"), ("(?#a)", "comment"),
        ("a*?", "lazy"), ("a+?", "lazy"), ("a??", "lazy"), ("a{2}?", "lazy"), ("a*+", "repetition of a repetition"),
        ("a++", "repetition of a repetition"), ("a**", "repetition of a repetition"),
        ("a{1,1000}{1,1000}", "repetition of a repetition"), (#"\bfoo\b"#, "edge"), (#"\Afoo\z"#, "edge"),
        (#"\p{L}"#, "Unicode property"), (#"\P{L}"#, "Unicode property"), (#"\x41"#, "not known"),
        (#"\n"#, "not known"),
        (#"\u0041"#, "not known"), (#"\0"#, "not known"), ("(a", "not closed"), ("a)", "closes nothing"),
        ("[a", "not closed"),
        ("[]", "not closed"), (#"a\"#, "lone"), (#"[a\"#, "lone"), ("*a", "nothing to repeat"),
        ("a|+", "nothing to repeat"),
        ("(?", "flag"), ("{2}", "nothing to repeat"), ("a{", "count"), ("a{b}", "count"), ("a{3,2}", "count"),
        ("a{,}", "count"),
        ("a{1001}", "count"), ("a{99999999999999999999}", "count"), ("[z-a]", "range"), ("[é-ü]", "range"),
        ("[a-é]", "range"), ("[[:letter:]]", "name of a class"), ("[[.a.]]", "Collating"), ("[[=a=]]", "Collating"),
        ("(a{1,1000}){1,1000}", "steps"), ("((a{100}){100}){100}", "steps"), (".{0,501}", "steps"),
    ])
    func refusesWithTheReason(pattern: String, reason: String) {
        let refusal = #expect(throws: PatternRefusal.self) { try AnchoredPattern(pattern) }
        #expect(refusal?.description.contains(reason) == true, "\(refusal?.description ?? "accepted")")
    }

    @Test func boundsLengthAndSteps() throws {
        #expect(try matches(String(repeating: "a", count: 999), String(repeating: "a", count: 999)))
        #expect(throws: PatternRefusal.self) { try AnchoredPattern(String(repeating: "a", count: 1001)) }
        #expect(try matches("a{999}", String(repeating: "a", count: 999)))
        #expect(throws: PatternRefusal.self) { try AnchoredPattern("a{1000}b") }
        // An empty piece has no steps, however often it is repeated, and finding that out takes no time.
        #expect(try matches("((((){1000}){1000}){1000}){1000}a", "a"))
    }

    @Test func takesPatternsOfAThousandBytes() throws {
        func bracket(_ bytes: Int) -> String { "[" + String(repeating: "a", count: bytes - 2) + "]" }
        #expect(try matches(bracket(999), "a"))
        #expect(try matches(bracket(1000), "a"))
        #expect(throws: PatternRefusal.self) { try AnchoredPattern(bracket(1001)) }
    }

    /// They cost backtracking matchers hours, and automata that are built in advance all memory.
    static let explosive = [
        #"([a-z0-9]+[._-]?)+@example\.com"#, "(a|a)*b", "(a*)*b", "((a*)*)*b", "(a+)+b", "(.*)*x", "(a|aa)+b",
        "(.*a){20}b", "(a?){200}a{200}b", "(a|b)*a(a|b){100}c",
    ]

    /// A genuine token whose claim would keep a backtracking matcher busy for far too long.
    @Test(arguments: [
        ("", true), ("a", true), ("^a$", true), ("$^", true), ("(^a|b)c", true), ("a$|b^", true), ("(a^)?b", true),
        ("(a$)*", true), (".{3}", true), ("[^\\s\\S]*", true), ("a^", false), ("a^b", false), ("$a", false),
        ("[^\\s\\S]", false), ("(a^)+", false), ("a(^|$b)", false), ("(a$){2}", false),
    ])
    func knowsWhetherAnyTextCanMatch(pattern: String, isPossible: Bool) throws {
        #expect(try AnchoredPattern(pattern).canMatch == isPossible)
    }

    @Test(arguments: [25, 6000])
    func answersALoginWhateverItsClaimContains(count: Int) async throws {
        let pattern = try AnchoredPattern(#"([a-z0-9]+[._-]?)+@example\.com"#)
        let bench = ExchangeBench(
            providers: [.vipLoyalty(conditions: [ClaimCondition(claim: ClaimPath("email"), test: .matches(pattern))])],
            limits: TokenLimits(tokenBytes: 16_384))
        let token = bench.token.claim("email", .string(String(repeating: "a", count: count)))
        #expect(try await bench.exchange(token).refusal == .conditionNotMet)
        let explanation = await bench.explain(
            IdentityToken(bytes: try token.signed(by: TestKeys.rs256)), for: bench.providers[0], at: bench.clock.now,
            within: .seconds(1))
        #expect(explanation.reason == "condition_not_met")
        #expect(try await bench.exchange(bench.token.claim("email", .string("a.b@example.com"))).refusal == nil)
    }

    /// A claim that is eight times as long takes far less than sixty-four times as long, even on a slow machine.
    @Test(arguments: explosive)
    func takesTimeLinearInTheClaim(pattern: String) throws {
        let pattern = try AnchoredPattern(pattern)
        func shortest(_ count: Int) -> Duration {
            let text = ExactText(String(repeating: "a", count: count))
            return (0..<3).map { _ in ContinuousClock().measure { #expect(!pattern.matches(text)) } }.min() ?? .zero
        }
        let (short, long) = (shortest(500), shortest(4000))
        #expect(long < short * 30 + .milliseconds(20), "\(short) and \(long)")
    }
}

/// The C library's matcher as a second opinion, on patterns without anchors inside: in repetitions it gets those wrong
/// (there, `(^.)+` matches `--`).
@Suite struct PatternDifferentialTests {
    private static func answer(of pattern: String, on text: String) -> Bool? {
        var compiled = regex_t()
        guard regcomp(&compiled, "^(\(pattern))$", REG_EXTENDED | REG_NOSUB) == 0 else { return nil }
        defer { regfree(&compiled) }
        return regexec(&compiled, text, 0, nil, 0) == 0
    }

    private static func pattern(depth: Int, _ random: inout SeededGenerator) -> String {
        func part() -> String { pattern(depth: depth - 1, &random) }
        switch depth == 0 ? 0 : Int.random(in: 0..<9, using: &random) {
        case 1: return part() + part()
        case 2: return "(\(part())|\(part()))"
        case 3: return "(\(part()))*"
        case 4: return "(\(part()))" + ["+", "?", "{2}", "{1,3}", "{2,}", "{0,2}"].randomElement(using: &random)!
        case 5: return part() + "|" + part()
        case 6: return ["[ab]", "[^a]", "[a-c]", "[[:alpha:]]", "[]a]", "[^]b]", "[a-]"].randomElement(using: &random)!
        default: return ["a", "b", "c", "."].randomElement(using: &random)!
        }
    }

    @Test func findsNoMatchForWhatCannotMatch() throws {
        var random = SeededGenerator(seed: 20_261_126)
        var impossible = 0
        for _ in 0..<3000 {
            let text = Self.pattern(depth: 3, &random) + (Bool.random(using: &random) ? "^" : "")
            guard let pattern = try? AnchoredPattern(text), !pattern.canMatch else { continue }
            impossible += 1
            for length in 0..<6 {
                let claim = String((0..<length).map { _ in "ab".randomElement(using: &random) ?? "a" })
                #expect(!pattern.matches(ExactText(claim)), "\(text) matches \(claim)")
            }
        }
        #expect(impossible > 100)
    }

    @Test func agreesWithTheCLibrary() throws {
        var random = SeededGenerator(seed: 5)
        var (answers, matches) = (0, 0)
        for _ in 0..<1500 {
            let text = Self.pattern(depth: 4, &random)
            let pattern = try AnchoredPattern(text)
            for _ in 0..<5 {
                let claim = String(
                    (0..<Int.random(in: 0...7, using: &random)).map { _ in "abcd]-".randomElement(using: &random)! })
                guard let other = Self.answer(of: text, on: claim) else { continue }
                answers += 1
                matches += other ? 1 : 0
                #expect(pattern.matches(ExactText(claim)) == other, "\(text) on \(claim)")
            }
        }
        #expect(answers > 7000 && matches > 500)
    }
}
