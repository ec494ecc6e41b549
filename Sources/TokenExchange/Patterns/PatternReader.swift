/// The syntax tree of a regular expression.
indirect enum PatternTree: Sendable, Equatable {
    case one(ScalarClass)
    case start
    case end
    case sequence([PatternTree])
    case alternatives([PatternTree])
    /// - Parameter most: nil if there is no upper bound.
    case repetition(PatternTree, least: Int, most: Int?)
}

/// Why a pattern is not accepted: a sentence for its author.
package struct PatternRefusal: Error, Equatable, CustomStringConvertible {
    private let reason: String

    init(_ reason: String) {
        self.reason = reason
    }

    package var description: String { reason }
}

/// Reads extended POSIX syntax (POSIX.1-2017 §9.4), with `\d`, `\w`, `\s` and their opposites, and groups `(?:…)`.
///
/// What only other dialects have is refused by name, since it would mean something else here, or could not be matched
/// in linear time.
struct PatternReader {
    private let scalars: [Unicode.Scalar]
    private var position = 0

    /// Reads the whole of `pattern`.
    static func tree(of pattern: String) throws(PatternRefusal) -> PatternTree {
        var reader = PatternReader(scalars: Array(pattern.unicodeScalars))
        let tree = try reader.alternatives()
        guard reader.position == reader.scalars.count else {
            throw PatternRefusal("A `)` closes nothing; write `\\)` for the character itself.")
        }
        return tree
    }

    private init(scalars: [Unicode.Scalar]) {
        self.scalars = scalars
    }

    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private func follows(_ text: String) -> Bool { scalars[position...].starts(with: text.unicodeScalars) }

    private mutating func skip(_ text: String) -> Bool {
        guard follows(text) else { return false }
        position += text.unicodeScalars.count
        return true
    }

    private mutating func take() -> Unicode.Scalar? {
        guard let next else { return nil }
        position += 1
        return next
    }
}

// MARK: - Sequences and groups

extension PatternReader {
    private mutating func alternatives() throws(PatternRefusal) -> PatternTree {
        var branches = [try sequence()]
        while skip("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence() throws(PatternRefusal) -> PatternTree {
        var pieces: [PatternTree] = []
        while let next, next != "|", next != ")" { pieces.append(try repeated(try piece())) }
        return .sequence(pieces)
    }

    private mutating func piece() throws(PatternRefusal) -> PatternTree {
        switch take() {
        case "(": return try group()
        case "[": return .one(try bracket())
        case ".": return .one(.any)
        case "^": return .start
        case "$": return .end
        case "\\": return .one(try escape())
        case "*", "+", "?", "{":
            throw PatternRefusal(
                "A `*`, `+`, `?` or `{` has nothing to repeat; write `\\` before it for the character itself.")
        case let scalar?: return .one(ScalarClass(scalar))
        case nil: throw PatternRefusal("The pattern ends too early.")
        }
    }

    /// After `(`.
    private mutating func group() throws(PatternRefusal) -> PatternTree {
        if follows("?"), !skip("?:") { throw refusalOfGroup }
        let tree = try alternatives()
        guard skip(")") else {
            throw PatternRefusal("A `(` is not closed; write `\\(` for the character itself.")
        }
        return tree
    }

    /// After `(`, before `?`.
    private var refusalOfGroup: PatternRefusal {
        for beginning in ["?=", "?!", "?<=", "?<!"] where follows(beginning) {
            return PatternRefusal("Look-around (`(\(beginning)`) is not part of extended POSIX syntax.")
        }
        for beginning in ["?<", "?P"] where follows(beginning) {
            return PatternRefusal("A named group (`(\(beginning)`) is not supported: write `(…)`.")
        }
        if follows("?>") { return PatternRefusal("An atomic group (`(?>`) is not supported: write `(…)`.") }
        if follows("?#") { return PatternRefusal("A comment (`(?#`) is not supported.") }
        return PatternRefusal(
            "A flag (`(?i)` and the like) is not supported: write out both cases, as in `[Aa]`.")
    }
}

// MARK: - Repetitions

extension PatternReader {
    private mutating func repeated(_ piece: PatternTree) throws(PatternRefusal) -> PatternTree {
        let tree: PatternTree
        switch take() {
        case "*": tree = .repetition(piece, least: 0, most: nil)
        case "+": tree = .repetition(piece, least: 1, most: nil)
        case "?": tree = .repetition(piece, least: 0, most: 1)
        case "{": tree = try counted(piece)
        case nil: return piece
        default:
            position -= 1
            return piece
        }
        try refuseMore()
        return tree
    }

    private func refuseMore() throws(PatternRefusal) {
        switch next {
        case "?":
            throw PatternRefusal(
                "A lazy repetition (`*?`, `+?`, `??`, `{…}?`) is not supported: it makes no difference to whether the "
                    + "whole claim matches.")
        case "*", "+", "{":
            throw PatternRefusal("A repetition of a repetition (`*+`, `{…}{…}`) is not supported: use a group.")
        default: return
        }
    }

    /// After `{`.
    private mutating func counted(_ piece: PatternTree) throws(PatternRefusal) -> PatternTree {
        let refusal = PatternRefusal(
            "A `{` begins a count from 0 to \(Self.greatestCount): `{3}`, `{3,}` or `{3,5}`; write `\\{` for the "
                + "character itself.")
        let first = number()
        guard let isRange = skip(",") ? true : first == nil ? nil : false else { throw refusal }
        let second = isRange ? number() : first
        guard skip("}"), first != nil || second != nil else { throw refusal }
        let (least, most) = (first ?? 0, second)
        guard least <= Self.greatestCount, most.map({ least <= $0 && $0 <= Self.greatestCount }) ?? true else {
            throw refusal
        }
        return .repetition(piece, least: least, most: most)
    }

    static let greatestCount = 1000

    /// Reads decimal digits; nil if there are none. A number above ``greatestCount`` is read as one more than that.
    private mutating func number() -> Int? {
        var number: Int?
        while let next, "0"..."9" ~= next {
            number = min((number ?? 0) * 10 + Int(next.value - 0x30), Self.greatestCount + 1)
            position += 1
        }
        return number
    }
}

// MARK: - Escapes and brackets

extension PatternReader {
    /// After `\`.
    private mutating func escape() throws(PatternRefusal) -> ScalarClass {
        guard let scalar = take() else { throw PatternRefusal("The pattern ends with a lone `\\`.") }
        if let known = ScalarClass(escape: scalar) { return known }
        switch scalar {
        case "1"..."9", "k", "g":
            throw PatternRefusal("A back-reference (`\\\(scalar)`) cannot be matched in linear time.")
        case "p", "P":
            throw PatternRefusal(
                "A Unicode property (`\\\(scalar)`) is not supported: classes are ASCII, as in `[a-z]`.")
        case "b", "B", "A", "Z", "z", "G":
            throw PatternRefusal(
                "`\\\(scalar)` is not supported: a pattern matches all of a claim, so there is no edge to look for.")
        case "a"..."z", "A"..."Z", "0":
            throw PatternRefusal(
                "`\\\(scalar)` is not known here; `\\` escapes punctuation, not letters.")
        default: return ScalarClass(scalar)
        }
    }

    /// After `[`. By POSIX §9.3.5, except that `\` escapes here, too.
    private mutating func bracket() throws(PatternRefusal) -> ScalarClass {
        let isInverted = skip("^")
        var members = ScalarClass()
        var isFirst = true
        while isFirst || next != "]" {
            guard next != nil else {
                throw PatternRefusal("A `[` is not closed; write `\\[` for the character itself.")
            }
            try takeMember(into: &members)
            isFirst = false
        }
        position += 1
        return isInverted ? members.inverted : members
    }

    private mutating func takeMember(into members: inout ScalarClass) throws(PatternRefusal) {
        switch try element() {
        case .named(let named): members.formUnion(named)
        case .scalar(let first):
            guard follows("-"), !follows("-]") else { return members.insert(first) }
            position += 1
            guard case .scalar(let last) = try element(), first.isASCII, last.isASCII, first <= last else {
                throw PatternRefusal(
                    "A range in brackets goes from one ASCII character to a later one, as in `a-z`; a literal `-` is "
                        + "last.")
            }
            members.insert(first...last)
        }
    }

    private enum Element {
        case scalar(Unicode.Scalar)
        case named(ScalarClass)
    }

    private mutating func element() throws(PatternRefusal) -> Element {
        if follows("[.") || follows("[=") {
            throw PatternRefusal("Collating elements (`[.x.]`, `[=x=]`) are not supported.")
        }
        if skip("[:") { return .named(try namedClass()) }
        if skip("\\") {
            guard let escaped = next else { throw PatternRefusal("The pattern ends with a lone `\\`.") }
            let known = try escape()
            return ScalarClass(escape: escaped) == nil ? .scalar(escaped) : .named(known)
        }
        guard let scalar = take() else { throw PatternRefusal("A `[` is not closed.") }
        return .scalar(scalar)
    }

    private mutating func namedClass() throws(PatternRefusal) -> ScalarClass {
        for (name, members) in ScalarClass.named where skip("\(name):]") { return members }
        let names = ScalarClass.named.map { "[:\($0.name):]" }.joined(separator: ", ")
        throw PatternRefusal("After `[:` comes the name of a class: \(names).")
    }
}
