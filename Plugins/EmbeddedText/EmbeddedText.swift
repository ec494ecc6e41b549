import Foundation
import PackagePlugin

/// Puts a target's texts (JSON, scripts, style sheets, YAML) into the program: `PackageResources.page_css` are the bytes of
/// `page.css`.
///
/// As `.embedInCode` does, but as string literals. The compiler takes half a minute for the same bytes as numbers in an array.
@main struct EmbeddedText: BuildToolPlugin {
    private static let script = #####"""
        output=$1; shift
        {
          echo 'struct PackageResources {'
          echo '    private static func bytes(_ text: StaticString) -> [UInt8] { text.withUTF8Buffer { Array($0) } }'
          for file do
            name=$(basename "$file" | sed 's/^[0-9]/_/; s/[^A-Za-z0-9]/_/g')
            printf '    static let %s = bytes(####"""\n' "$name"; cat "$file"; printf '\n"""####)\n'
          done
          echo '}'
        } > "$output"
        """#####

    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let files = (target.sourceModule?.sourceFiles).map(Array.init) ?? []
        let texts = files.map { $0.url.resolvingSymlinksInPath() }
            .filter { ["css", "js", "json", "yaml"].contains($0.pathExtension) }
            .sorted { $0.path < $1.path }
        let output = context.pluginWorkDirectoryURL.appending(path: "PackageResources.swift")
        return [
            .buildCommand(
                displayName: "Embedding texts", executable: URL(filePath: "/bin/sh"),
                arguments: ["-c", Self.script, "sh", output.path] + texts.map(\.path), inputFiles: texts,
                outputFiles: [output])
        ]
    }
}
