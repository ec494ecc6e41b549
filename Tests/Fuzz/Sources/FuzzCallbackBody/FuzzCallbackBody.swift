import FuzzDriver
import FuzzProperties

@main enum FuzzCallbackBody {
    static func main() {
        FuzzDriver.run { start, count in FuzzTarget.callbackBody.check(start, count) }
    }
}
