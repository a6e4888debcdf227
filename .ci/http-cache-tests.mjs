// Runs the cases of the npm package http-cache-tests that are for caches between clients and origins, and compares what
// passed with what the package publishes about others:
//
//   node http-cache-tests.mjs FOLDER-OF-THE-PACKAGE URL-OF-THE-HOST PAGE-TO-WRITE
//
// What the platform does not store by itself is tried once more with a guest that says that it is to be stored.
//
// It fails when a required case fails that applies to this cache (or passes although it is said not to apply), when fewer
// optional or behaviour cases pass than with nginx or Varnish, and when that is so in one group and not for a reason below.

import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, host, page] = process.argv.slice(2)
const load = (path, query = '') => import(pathToFileURL(resolve(folder, path)).href + query)
const data = path => JSON.parse(readFileSync(resolve(folder, path), 'utf8'))

// Required cases that do not apply to this cache, and why. That the suite itself does not count them as failures is checked
// below.
const cookies = 'Its setup fails: a response that sets a cookie is for one client, and is not stored, as on the platform and ' +
  'with nginx and Varnish. In a guest that drives the cache it is the SDK that goes by this rule; a hook can say otherwise.'
const closed = 'It depends on `stale-close`, which does not hold: no stale response is served here when the origin closes the ' +
  'connection, unless `stale-if-error` allows it. Nor could any answer pass it: the case wants a response with status 200 and the number ' +
  'of that request, which only the origin knows. No cache that the package has results of passes it. That no stale response is ' +
  'served is tested in `abi-core/tests/abi/readthrough/stale.rs`.'
const INAPPLICABLE = {
  'headers-store-Set-Cookie': cookies,
  '304-etag-update-response-Set-Cookie': cookies,
  'stale-close-must-revalidate': closed,
  'stale-close-proxy-revalidate': closed,
  'stale-close-no-cache': closed,
  'stale-close-s-maxage=2': closed
}

// Groups in which fewer cases pass than with nginx or Varnish, and why.
const BEHIND = {
  'Status Code Cacheability optimal': 'The platform stores the statuses 200, 203, 300, 301, 302, 404 and 410 and no others ' +
    'unless the guest says so, however long they say that they are fresh.',
  'Cache-Control Request Directives check': 'The platform ignores what clients say in `Cache-Control`. nginx, which does so too, ' +
    'passes one of twelve.',
  'Surrogate-Control check': 'To pass `surrogate-remove-header` is to hand the header on to clients. It is for caches, and the SDK in ' +
    'the guest takes it off.'
}

const KINDS = ['required', 'optimal', 'check']
const NAMES = { required: 'required', optimal: 'optional', check: 'behaviour' }
const PEERS = [['nginx', 'nginx.json'], ['Varnish', 'varnish.json'], ['Fastly', 'fastly.json']]
const FLOORS = ['nginx', 'Varnish']

const suites = [...(await load('tests/index.mjs')).default, (await load('tests/surrogate-control.mjs')).default]
const { runTests, getResults } = await load('client/runner.mjs')
const fetch = createRequire(resolve(folder, 'package.json'))('node-fetch')

// What the client of the suite has to say of single requests is of no interest here.
await runTests(suites, fetch, false, `${host}/proxy/origin`)
const columns = { fastlike: getResults() }
for (const [name, file] of PEERS) columns[name] = data(`results/${file}`)

const groups = suites.map(suite => ({ name: suite.name, cases: suite.tests.filter(test => !test.browser_only) }))
const kindOf = test => test.kind ?? 'required'

// Whether the suite counts a case that fails as a failure, as its own page of results does: not when another one that it
// depends on fails, and not when what fails is a step on the way to what is tested.
const byId = Object.fromEntries(suites.flatMap(suite => suite.tests).map(test => [test.id, test]))
function holds (id, results) {
  return results[id] === true && (byId[id].depends_on ?? []).every(other => holds(other, results))
}
function isFailure (test, results) {
  return (test.depends_on ?? []).every(other => holds(other, results)) && results[test.id]?.[0] !== 'Setup'
}

function count (cases, kind, results) {
  const ofKind = cases.filter(test => kindOf(test) === kind && !(test.id in INAPPLICABLE))
  return { passed: ofKind.filter(test => results[test.id] === true).length, total: ofKind.length }
}

function row (name, cases) {
  const cells = Object.values(columns).map(results => KINDS.map(kind => {
    const { passed, total } = count(cases, kind, results)
    return total === 0 ? '–' : results === columns.fastlike ? `${passed}/${total}` : `${passed}`
  }).join(' · '))
  return [name, ...cells]
}

const all = groups.flatMap(group => group.cases)
const rows = [...groups.map(group => row(group.name, group.cases)), row('all', all)]
const heads = ['group', ...Object.keys(columns)]
for (const cells of rows) console.log(`${cells[0]}: ${cells[1]} (${KINDS.map(kind => NAMES[kind]).join(' · ')})`)

const failing = all.filter(test => columns.fastlike[test.id] !== true)
const required = failing.filter(test => kindOf(test) === 'required')
const errors = []
for (const test of required) {
  const result = columns.fastlike[test.id]
  if (!(test.id in INAPPLICABLE)) errors.push(`required: ${test.id}: ${test.name}: ${result?.join(': ')}`)
  else if (isFailure(test, columns.fastlike)) errors.push(`${test.id} does apply: ${result?.join(': ')}`)
}
for (const id of Object.keys(INAPPLICABLE)) {
  if (!required.some(test => test.id === id)) errors.push(`${id} passes, and is said not to apply: take it off the list`)
}
for (const kind of ['optimal', 'check']) {
  const ours = count(all, kind, columns.fastlike).passed
  for (const name of FLOORS) {
    const theirs = count(all, kind, columns[name]).passed
    if (ours < theirs) errors.push(`${NAMES[kind]}: ${ours} passed, and ${theirs} with ${name}`)
  }
}

// Group by group.
const behind = new Set()
for (const { name, cases } of groups) {
  for (const kind of ['optimal', 'check']) {
    const ours = count(cases, kind, columns.fastlike).passed
    const theirs = Math.max(...FLOORS.map(floor => count(cases, kind, columns[floor]).passed))
    const group = `${name} ${kind}`
    if (ours < theirs && !(group in BEHIND)) errors.push(`${name}: ${ours} ${NAMES[kind]} passed, and ${theirs} with others`)
    if (ours < theirs) behind.add([name, NAMES[kind], ours, theirs, BEHIND[group] ?? 'It should not.'])
    if (ours >= theirs && group in BEHIND) errors.push(`${group} is not behind any more: take it off the list`)
  }
}

// Once more, with a guest that has everything stored.
const again = failing.filter(test => kindOf(test) !== 'check').map(test => ({
  ...test,
  id: `${test.id} stored`,
  requests: test.requests.map(request => ({ ...request }))
}))
// A runner runs all that it was ever given.
const runner = await load('client/runner.mjs', '?again')
await runner.runTests([{ tests: again }], fetch, false, `${host}/hooks/store`)
const stored = getResults()
const ofGuests = failing.filter(test => stored[`${test.id} stored`] === true)
console.log(`with a guest that has everything stored: ${ofGuests.map(test => test.id).join(' ')}`)
for (const test of ofGuests) {
  if (INAPPLICABLE[test.id] === closed) errors.push(`${test.id} passes after all`)
}
for (const id of ['status-204-fresh', 'status-500-fresh', 'headers-store-Set-Cookie']) {
  if (!ofGuests.some(test => test.id === id)) errors.push(`${id}: ${stored[`${id} stored`]}: a guest cannot have it stored`)
}

const table = lines => lines.map(cells => `| ${cells.join(' | ')} |`).join('\n')
const version = data('package.json').version
const list = kind => failing.filter(test => kindOf(test) === kind).map(test => `- \`${test.id}\`: ${test.name.trim()}`).join('\n')
writeFileSync(page, `# The public test suite for HTTP caches

<!-- Written by .ci/http-cache-tests. -->

[http-cache-tests](https://www.npmjs.com/package/http-cache-tests) ${version}, with its own origin and client, against a
guest that passes every request on to its backend, with \`--http-cache-ttl 0\`. What it says of nginx, Varnish and the
platform is published in the package, and some years old.

Each cell has three numbers: required · optional · behaviour. A required case is one that RFC 9111 demands, if it applies (see
below); an optional one shows that a cache makes use of what it may; a behaviour case shows what it does where nothing is
demanded, and passing it is not always better.

${table([heads, heads.map(() => '---'), ...rows])}

## Required cases that do not apply

By the rules of the suite's own page of results these are no failures: a case on which they depend fails, or their setup. They
are in none of the numbers above.

${table([['case', 'why'], ['---', '---'], ...required.map(test => [`\`${test.id}\``, INAPPLICABLE[test.id] ?? 'It fails, and should not.'])])}

## Groups that are behind

Where fewer cases pass than with nginx or Varnish:

${table([['group', 'kind', 'passed', 'others', 'why'], ['---', '---', '---', '---', '---'], ...behind])}

## Where guests decide

What is stored is the guest's to say: by \`set_cacheable\` in the hook that the Rust SDK calls \`after_send\`. With a guest that
does so for every response, these of the cases that fail pass:

${ofGuests.map(test => `\`${test.id}\``).join(', ')}

## Optional cases that fail

${list('optimal')}

## Behaviour cases that fail

${list('check')}
`)

for (const error of errors) console.log(`FAILED ${error}`)
if (errors.length > 0) process.exit(1)
console.log(`HTTP cache tests: ok; see ${page}`)
// The client leaves connections open.
process.exit(0)
