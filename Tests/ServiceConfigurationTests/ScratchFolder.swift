import Foundation
import ServiceConfiguration

/// A folder with a configuration file and what it refers to; gone with its last reference.
final class ScratchFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/configuration-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try write("public key", to: "acme.pem")
        try write("{\"keys\":[]}", to: "acme.json")
        try write("private key", to: "key.pem", mode: 0o600)
        try write("certificate", to: "chain.pem")
        try write("a-secret-from-a-file\n", to: "secret", mode: 0o600)
        try write("a-secret-of-more-than-thirty-two-letters\n", to: "long-secret", mode: 0o600)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func write(_ content: String, to name: String, mode: Int = 0o644) throws {
        try write(Data(content.utf8), to: name, mode: mode)
    }

    func write(_ content: Data, to name: String, mode: Int = 0o644) throws {
        let file = path + "/" + name
        let folder = URL(fileURLWithPath: file).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try content.write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    }

    func load(_ yaml: String, environment: [String: String] = [:]) throws -> Configuration {
        try write(yaml, to: "config.yaml")
        return try Configuration.load(file: path + "/config.yaml", environment: environment)
    }

    /// What an operator would read, with the folder's random name left out; empty where the file is good.
    func complaints(about yaml: String, environment: [String: String] = [:]) throws -> String {
        do {
            _ = try load(yaml, environment: environment)
            return ""
        } catch let error as ConfigurationError {
            return error.description.replacingOccurrences(of: path + "/", with: "")
                .replacingOccurrences(of: path, with: ".")
        }
    }
}
