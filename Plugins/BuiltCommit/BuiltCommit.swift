import Foundation
import PackagePlugin

/// Writes `builtCommit` into a source of the program: the commit that is checked out; in an archive of `git archive` the one
/// that it was made of; or what `COUNTERSIGN_COMMIT` says. `unknown` if there is none of them.
///
/// Not by the manifest, which SwiftPM reads once and keeps: each commit changes the folder `.git`, and so runs this again.
@main struct BuiltCommit: BuildToolPlugin {
    private static let script = #"""
        commit=${4:-$(git --git-dir="$2" rev-parse HEAD 2>/dev/null || cat "$3")}
        case $commit in *[!0-9A-Za-z._-]* | '') commit=unknown ;; esac
        text="let builtCommit: StaticString = \"$commit\""
        [ "$(cat "$1" 2>/dev/null)" = "$text" ] || echo "$text" > "$1"
        """#

    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let environment = ProcessInfo.processInfo.environment
        let package = context.package.directoryURL
        let output = context.pluginWorkDirectoryURL.appending(path: "BuiltCommit.swift")
        let archived = package.appending(path: "Plugins/BuiltCommit/archive-commit.txt")
        let git = Self.gitFolder(of: package)
        return [
            .buildCommand(
                displayName: "Noting the commit", executable: URL(filePath: "/bin/sh"),
                arguments: [
                    "-c", Self.script, "sh", output.path(percentEncoded: false),
                    git?.path(percentEncoded: false) ?? "none", archived.path(percentEncoded: false),
                    environment["COUNTERSIGN_COMMIT"] ?? "",
                ],
                environment: ["PATH": environment["PATH"] ?? "/usr/bin:/bin"],
                inputFiles: [archived] + [git].compactMap(\.self), outputFiles: [output])
        ]
    }

    /// Git's folder of this checkout, that of a worktree too; nil if there is none. A repository around it does not count.
    private static func gitFolder(of package: URL) -> URL? {
        let git = package.appending(path: ".git")
        let text = try? String(contentsOf: git, encoding: .utf8)
        let named = text?.split(separator: "\n").first?.split(separator: ": ", maxSplits: 1).last
        let folder = named.map { URL(filePath: String($0), relativeTo: package) } ?? git
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: folder.path(percentEncoded: false), isDirectory: &isFolder)
        return exists && isFolder.boolValue ? folder.absoluteURL : nil
    }
}
