import Enrichment
import Pipeline
import RuleBook
import Testing

/// The tests that rules carry in their files, run through the whole pipeline.
struct RuleFileTests {
    @Test("every rule's own tests pass")
    func pass() throws {
        let book = try House.book.get()
        let runner = try RuleTestRunner(
            book: book, userAgents: House.userAgents.get(), database: House.city)
        var count = 0
        for rule in book.rules {
            #expect(!rule.tests.isEmpty, "\(rule.id) has no tests")
            for outcome in try runner.run(rule) {
                count += 1
                #expect(
                    outcome.isPassed,
                    "\(outcome.file):\(outcome.test.line): \(outcome.test.name): \(outcome.mismatches)"
                )
            }
        }
        #expect(count > 30)
    }
}
