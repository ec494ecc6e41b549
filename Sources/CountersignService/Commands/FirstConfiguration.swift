import FoundationEssentials
import Glibc
import JOSE
import ServiceConfiguration
package import TokenExchange

/// A first configuration, made of a few answers: what `countersign init` writes. Everything else has its default, or
/// is in the file as a comment.
package struct FirstConfiguration: Sendable {
    /// A realm of NewStore, or an issuer's URL; empty until it is answered.
    package var issuer = ""
    package var publicURL = "http://127.0.0.1:8080"
    package var providers = ["vip-loyalty"]
    /// Of the pages of every provider.
    package var origins: [String] = []
    package var tokenKind = "jwt"
    /// `memory`, or the URL of Redis.
    package var store = "memory"
    /// The folder for private keys, relative to the file.
    package var keys = "signing"

    /// Only the issuer has no default.
    package init() {}

    /// What one answer is about.
    package struct Question: Sendable {
        /// The option that answers it: `--realm`, `--public-url`, ….
        package let option: String
        package let text: String
        fileprivate let answer: @Sendable (inout FirstConfiguration, String) -> Void
        /// What an empty line means; nil if there must be an answer.
        fileprivate let usual: String?
    }

    /// In the order in which a person is asked.
    package static let questions = [
        Question(
            option: "--realm", text: "Realm of your NewStore tenant, or the URL of another issuer",
            answer: { $0.issuer = $1 }, usual: nil),
        Question(
            option: "--public-url", text: "URL at which the Associate App, pages and back ends reach Countersign",
            answer: { $0.publicURL = $1 }, usual: "http://127.0.0.1:8080"),
        Question(
            option: "--provider", text: "Identity providers, with blanks between them",
            answer: { $0.providers = $1.blankSeparated }, usual: "vip-loyalty"),
        Question(
            option: "--origin", text: "Origins of their webview pages, such as https://loyalty.acme.example",
            answer: { $0.origins = $1.blankSeparated }, usual: ""),
        Question(
            option: "--token", text: "Kind of token: jwt, or opaque for introspection only",
            answer: { $0.tokenKind = $1 }, usual: "jwt"),
        Question(
            option: "--store", text: "Session store: memory, or a URL such as redis://127.0.0.1:6379/0",
            answer: { $0.store = $1 }, usual: "memory"),
    ]

    /// Asks what no option has answered. An answer that makes no good configuration is asked for again.
    /// - Parameters:
    ///   - answered: names of options.
    ///   - ask: shows a text and returns a line; nil at the end of the input.
    /// - Throws: ``StartUpError`` if the input ends before the last answer.
    package mutating func askRest(answered: Set<String>, _ ask: (String) -> String?) throws {
        for question in Self.questions where !answered.contains(question.option) {
            let prompt = question.text + (question.usual.map { " [\($0.isEmpty ? "none" : $0)]" } ?? "") + ": "
            var complaints = ""
            while true {
                guard let line = ask(complaints + prompt) else {
                    throw StartUpError(["The input ended before the last answer. Nothing was written."])
                }
                var changed = self
                question.answer(&changed, line.isEmpty ? question.usual ?? "" : line)
                let problems = changed.problems
                if problems.isEmpty {
                    self = changed
                    break
                }
                complaints = problems.joined(separator: "\n") + "\n"
            }
        }
    }

    /// What keeps the answers from being a configuration, by the key that each answer becomes.
    package var problems: [String] {
        if issuer.isEmpty {
            return ["tenants[0].issuer: expected a realm of NewStore or an issuer's URL (--realm), found none."]
        }
        do {
            _ = try Configuration.parse(file: "countersign.yaml", contents: Array(yaml.utf8), environment: [:])
            return []
        } catch let error as ConfigurationError {
            return error.problems.map { "\($0.place.keyPath): \($0.message)" }
        } catch { return StartUpError(error).problems }
    }

    /// - Throws: ``StartUpError`` if there is a file of this name, so that nobody is asked in vain.
    package static func refuseToOverwrite(_ file: String) throws {
        if FileManager.default.fileExists(atPath: file) { throw overwriting(file) }
    }

    private static func overwriting(_ file: String) -> StartUpError {
        StartUpError([
            "\(file): expected no file yet, found one. Nothing was changed: name another with --config, or edit this one."
        ])
    }

    private func write(to file: String) throws {
        do { try Data(yaml.utf8).write(to: URL(filePath: file), options: .withoutOverwriting) } catch {
            if (error as? CocoaError)?.code == .fileWriteFileExists { throw Self.overwriting(file) }
            let folder = URL(filePath: file).deletingLastPathComponent().path
            let cause = access(folder, W_OK) == 0 ? "" : " (\(folder): \(String(cString: strerror(errno))))"
            throw StartUpError([
                "\(file): expected a place where a file can be written, found none\(cause). Name one with --config in a folder that "
                    + "exists and is yours."
            ])
        }
    }
}

extension String {
    fileprivate var blankSeparated: [String] { split { " ,\t".contains($0) }.map(String.init) }
}

// MARK: - Writing

extension FirstConfiguration {
    /// Writes the file and makes its first signing key. Overwrites neither; if the key cannot be made, there is no file.
    /// - Returns: what was done, and the next three commands.
    /// - Throws: ``StartUpError``.
    package func make(_ file: String, time: TimeSource) throws -> String {
        let problems = self.problems
        guard problems.isEmpty else { throw StartUpError(problems + ["Nothing was written."]) }
        try write(to: file)
        do {
            let configuration = try Configuration.parse(file: file, environment: [:])
            let key = try Self.firstKey(of: configuration, file: file, time: time)
            return """
                \(file) is written; every key of it is explained in docs/configuration.md.
                \(key)

                Next:
                  countersign serve --config \(file)
                  countersign doctor --config \(file)
                  countersign app-config --config \(file)

                `doctor` checks the running service from another terminal; `app-config` prints what to enter at NewStore.
                """
        } catch {
            try? FileManager.default.removeItem(atPath: file)
            throw error
        }
    }

    private static func firstKey(of configuration: Configuration, file: String, time: TimeSource) throws -> String {
        let source = SigningKeySource(configuration)
        let listing = try? source.directory.listing(at: time.now(), times: source.times)
        if let key = listing?.manifest.active(.es256) { return "\(key.title) was there already, and signs." }
        return try SigningKeyCommands(configuration, file: file, time: time).generate(.es256)
    }
}
