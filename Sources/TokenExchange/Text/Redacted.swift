/// A value that must never be printed: descriptions, debug descriptions and mirrors all show the type's name alone.
///
/// Whoever needs the content asks for it by name (`bytes`); string interpolation, `dump` and a logger's metadata cannot.
package protocol Redacted: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {}

extension Redacted {
    package var description: String { "\(Self.self)(redacted)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
