import BlockingWork
import TokenExchange

/// A reference to a secret, which is read only when it is used. Does not keep the content of a file, so that the next
/// ``read()`` sees a rotated one.
package struct Secret: Sendable, Equatable, Redacted {
    /// Where the secret is.
    package enum Source: Sendable, Equatable {
        case environment(name: String)
        /// Absolute path.
        case file(String)
    }

    package let source: Source
    private let environmentValue: String?
    /// The fewest characters that it may have.
    private let minimumCount: Int
    private let place: ConfigurationPlace

    /// - Parameters:
    ///   - minimumCount: the fewest characters that it may have.
    ///   - reader: the value of the file that refers to it.
    init(_ source: Source, atLeast minimumCount: Int = 1, at reader: NodeReader) {
        self.source = source
        if case .environment(let name) = source {
            environmentValue = reader.pass.environment[name]
        } else {
            environmentValue = nil
        }
        self.minimumCount = minimumCount
        place = reader.place
    }

    /// Whether both refer to the same secret. The content of files is not compared, nor the position of the reference.
    package static func == (one: Secret, other: Secret) -> Bool {
        one.source == other.source && one.environmentValue == other.environmentValue
    }

    /// The secret as it is now, without blanks and newlines at either end. Blocks its thread if it is in a file.
    ///
    /// - Throws: ``ConfigurationProblem`` with the place of the reference and what is wrong, never with the content.
    package func read() throws -> String {
        do { return try text() } catch { throw place.problem(error) }
    }

    /// The same without blocking: a file is read on a thread of its own.
    package func read(within limit: Duration) async throws -> String {
        guard case .file(let path) = source else { return try read() }
        let result = await Self.reads.value(of: path, within: limit) { Result { try read() } }
        guard let result else {
            throw place.problem(
                expected: "a file that can be read at once", found: "\(path), which does not answer",
                remedy: "Is its file system gone?")
        }
        return try result.get()
    }

    private static let reads = BlockingReads<Result<String, any Error>>()

    /// The secret as it is now, without blanks and newlines at either end.
    func text() throws(Complaint) -> String {
        switch source {
        case .environment(let name):
            let what = "a value in the environment variable \(name)"
            guard let environmentValue else {
                throw Complaint(expected: what, found: "it unset", remedy: "Set it before the start.")
            }
            if environmentValue.isEmpty {
                throw Complaint(expected: what, found: "it empty", remedy: "Set it before the start.")
            }
            return try checked(environmentValue, in: "the environment variable \(name)")
        case .file(let path):
            let bytes = try ReferencedFile(path, isPrivate: true).contents(limit: 65536)
            if bytes.isEmpty { throw Complaint(expected: "a secret", found: "an empty file: \(path)") }
            guard TextEncoding(of: bytes) == nil, let text = String(validating: bytes, as: UTF8.self) else {
                throw Self.notUTF8(path)
            }
            return try checked(text, in: path)
        }
    }

    /// The same rules for files and the environment.
    private func checked(_ text: String, in container: String) throws(Complaint) -> String {
        let bytes = text.utf8.withoutByteOrderMark.trimming { " \t\r\n".utf8.contains($0) }
        let secret = String(Substring(bytes))
        if secret.isEmpty { throw Complaint(expected: "a secret", found: "only blanks in \(container)") }
        // In the environment, the runtime has put this in place of bytes that are not UTF-8.
        if secret.unicodeScalars.contains("\u{FFFD}") { throw Self.notUTF8(container) }
        if secret.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            throw Complaint(
                expected: "a secret without control characters", found: "one within that of \(container)",
                remedy: "Only blanks, tabs and newlines at either end are left out.")
        }
        guard secret.count >= minimumCount else {
            throw Complaint(
                expected: "a secret of at least \(minimumCount) characters", found: "a shorter one",
                remedy: "`openssl rand -base64 32` makes a good one.")
        }
        return secret
    }

    /// Why the secret cannot be used; nil if it can.
    /// - Parameter check: finds fault with a secret that could be read.
    func complaint(_ check: (String) -> Complaint?) -> Complaint? {
        do { return check(try text()) } catch { return error }
    }

    private static func notUTF8(_ container: String) -> Complaint {
        Complaint(expected: "a secret as text in UTF-8", found: "other bytes in \(container)")
    }
}

extension BidirectionalCollection {
    fileprivate func trimming(_ isLeftOut: (Element) -> Bool) -> SubSequence {
        let rest = drop(while: isLeftOut)
        return rest.lastIndex { !isLeftOut($0) }.map { rest[...$0] } ?? rest.prefix(0)
    }
}

extension UpstreamSecret {
    /// Read for each request, without blocking.
    init(_ secret: Secret) {
        let place =
            switch secret.source {
            case .environment(let name): "env \(name)"
            case .file(let path): "file \(path)"
            }
        self.init(place: ExactText(place), read: secret.read(within:))
    }
}

extension NodeReader {
    /// A reference to a secret that can be read, once it is used.
    ///
    /// - Parameter count: the fewest characters that it may have.
    func secret(atLeast count: Int = 1) -> Secret? {
        guard let secret = unusedSecret(atLeast: count) else { return nil }
        pass.refer(from: self) { secret.complaint { _ in nil } }
        return secret
    }

    /// A reference to a secret that is not used, so it need not exist.
    func unusedSecret(atLeast count: Int = 1) -> Secret? {
        var place = self
        place.isConfidential = true
        guard isMapping else {
            place.report(
                expected: "a reference to a secret",
                remedy: "Write `{ env: NAME }` or `{ file: PATH }`; a secret never stands in this file.")
            return nil
        }
        return place.mapping { mapping in
            mapping.exactlyOne([
                "env": { $0.environmentName().map { Secret(.environment(name: $0), atLeast: count, at: self) } },
                "file": { $0.path().map { Secret(.file($0), atLeast: count, at: self) } },
            ])
        }
    }

    /// Letters, digits and underscores, without a digit in front.
    func environmentName() -> String? {
        let what = "the name of an environment variable"
        guard let name = string(what) else { return nil }
        guard name.utf8.allSatisfy(\.isASCIIWordByte), name.utf8.first?.isASCIIDigit == false else {
            report(expected: what + " (letters, digits, `_`)")
            return nil
        }
        return name
    }
}
