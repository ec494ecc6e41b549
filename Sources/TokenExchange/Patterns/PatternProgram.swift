/// A compiled pattern (Thompson's construction): one pass over a text follows all its steps at once. Each character
/// costs at most one visit to each step, so time is linear in the text. No state is kept between texts.
struct PatternProgram: Sendable {
    private enum Step {
        /// A character of the class with this number.
        case one(Int)
        case split(Int, Int)
        case jump(Int)
        case start
        case end
        case match
    }

    private var steps: [Step] = []
    private var classes: [ScalarClass] = []

    /// The most steps, with repetitions written out.
    static let limit = 1000

    /// - Throws: if the pattern has more than ``limit`` steps.
    init(_ tree: PatternTree) throws(PatternRefusal) {
        try add(tree)
        steps.append(.match)
    }
}

// MARK: - Writing

extension PatternProgram {
    private mutating func add(_ tree: PatternTree) throws(PatternRefusal) {
        switch tree {
        case .one(let members):
            classes.append(members)
            _ = try append(.one(classes.count - 1))
        case .start: _ = try append(.start)
        case .end: _ = try append(.end)
        case .sequence(let pieces): for piece in pieces { try add(piece) }
        case .alternatives(let branches): try addAlternatives(branches[...])
        case .repetition(let piece, let least, let most):
            try addCopies(of: piece, count: least, endlessly: most == nil)
            if let most { try addOptionalCopies(of: piece, count: most - least) }
        }
    }

    /// - Returns: the index of the step.
    private mutating func append(_ step: Step) throws(PatternRefusal) -> Int {
        guard steps.count < Self.limit else {
            throw PatternRefusal("With its repetitions written out, a pattern has at most \(Self.limit) steps.")
        }
        steps.append(step)
        return steps.count - 1
    }

    private mutating func addAlternatives(_ branches: ArraySlice<PatternTree>) throws(PatternRefusal) {
        guard let first = branches.first else { return }
        guard branches.count > 1 else { return try add(first) }
        let split = try append(.split(0, 0))
        try add(first)
        let jump = try append(.jump(0))
        steps[split] = .split(split + 1, steps.count)
        try addAlternatives(branches.dropFirst())
        steps[jump] = .jump(steps.count)
    }

    private mutating func addCopies(
        of piece: PatternTree, count: Int, endlessly isEndless: Bool
    ) throws(PatternRefusal) {
        var last = steps.count
        for _ in 0..<count {
            last = steps.count
            try add(piece)
            // An empty piece stays empty, however often it is repeated.
            if steps.count == last { return }
        }
        guard isEndless else { return }
        if count > 0 {
            _ = try append(.split(last, steps.count + 1))
        } else {
            let split = try append(.split(0, 0))
            try add(piece)
            let jump = try append(.jump(split))
            steps[split] = .split(split + 1, jump + 1)
        }
    }

    private mutating func addOptionalCopies(of piece: PatternTree, count: Int) throws(PatternRefusal) {
        var splits: [Int] = []
        for _ in 0..<count {
            splits.append(try append(.split(0, 0)))
            try add(piece)
        }
        for split in splits { steps[split] = .split(split + 1, steps.count) }
    }
}

// MARK: - Judging

extension PatternProgram {
    /// A step, and what stands around the place in the text where it is reached.
    private struct Situation: Hashable {
        let step: Int
        /// After a character, no `^` holds.
        var isBehindStart = false
        /// After a `$` that held, no character follows.
        var isAtEnd = false
    }

    /// Whether there is any text that matches: not for `a^b`, `$a` or `[^\s\S]`.
    var canMatch: Bool {
        var pending = [Situation(step: 0)]
        var seen: Set<Situation> = []
        while let situation = pending.popLast() {
            guard seen.insert(situation).inserted else { continue }
            let (step, isBehindStart, isAtEnd) = (situation.step, situation.isBehindStart, situation.isAtEnd)
            func go(to step: Int) {
                pending.append(Situation(step: step, isBehindStart: isBehindStart, isAtEnd: isAtEnd))
            }
            switch steps[step] {
            case .match: return true
            case .jump(let target): go(to: target)
            case .split(let first, let second):
                go(to: first)
                go(to: second)
            case .start: if !isBehindStart { go(to: step + 1) }
            case .end: pending.append(Situation(step: step + 1, isBehindStart: isBehindStart, isAtEnd: true))
            case .one(let number):
                guard !isAtEnd, !classes[number].isEmpty else { continue }
                pending.append(Situation(step: step + 1, isBehindStart: true))
            }
        }
        return false
    }
}

// MARK: - Matching

extension PatternProgram {
    /// Whether all of `text` matches. Bytes that are not UTF-8 never match.
    func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var bytes = text.makeIterator()
        var decoder = UTF8()
        var here = Places(count: steps.count)
        var next = Places(count: steps.count)
        var upcoming = decoder.decode(&bytes)
        enter(0, in: &here, isAtStart: true, isAtEnd: upcoming == .emptyInput)
        while true {
            switch upcoming {
            case .emptyInput: return here.contains(steps.count - 1)
            case .error: return false
            case .scalarValue(let scalar):
                upcoming = decoder.decode(&bytes)
                next.removeAll()
                for place in here.list {
                    guard case .one(let number) = steps[place], classes[number].contains(scalar) else { continue }
                    enter(place + 1, in: &next, isAtStart: false, isAtEnd: upcoming == .emptyInput)
                }
                swap(&here, &next)
                if here.list.isEmpty { return false }
            }
        }
    }

    /// Adds a place, and all places that can be reached from it without a character.
    private func enter(_ place: Int, in places: inout Places, isAtStart: Bool, isAtEnd: Bool) {
        places.pending.append(place)
        while let place = places.pending.popLast() {
            guard places.insert(place) else { continue }
            switch steps[place] {
            case .one, .match: break
            case .jump(let target): places.pending.append(target)
            case .split(let first, let second):
                places.pending.append(first)
                places.pending.append(second)
            case .start: if isAtStart { places.pending.append(place + 1) }
            case .end: if isAtEnd { places.pending.append(place + 1) }
            }
        }
    }
}

/// A set of places (indices of steps) that can be emptied at no cost.
private struct Places {
    private(set) var list: [Int] = []
    /// Still to be inserted; kept here to reuse its memory.
    var pending: [Int] = []
    /// The round in which a place was last inserted.
    private var rounds: [Int]
    private var round = 1

    init(count: Int) {
        rounds = [Int](repeating: 0, count: count)
    }

    mutating func insert(_ place: Int) -> Bool {
        guard rounds[place] != round else { return false }
        rounds[place] = round
        list.append(place)
        return true
    }

    func contains(_ place: Int) -> Bool { rounds[place] == round }

    mutating func removeAll() {
        list.removeAll(keepingCapacity: true)
        round += 1
    }
}
