/// What this program is: the one place that holds its version.
package enum BuildInformation {
    package static let version = "1.0.0"
}
