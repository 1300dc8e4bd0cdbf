// Uploads one file with tus-js-client, as one JSON object on the command line tells it to, and says
// what happens as one JSON object a line.

import { createReadStream } from 'node:fs'
import { PassThrough } from 'node:stream'
import tus from 'tus-js-client'

const wanted = JSON.parse(process.argv[2])
const retryDelays = [100, 200, 400, 800, 1000, 1000, 2000, 2000, 4000, 4000, 4000]

function say(event, more = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...more })}\n`)
}

function headersOf(response) {
  const names = ['Upload-Offset', 'ETag', 'Strongroom-File', 'Strongroom-Version']
  return Object.fromEntries(names.map((name) => [name.toLowerCase(), response.getHeader(name)]))
}

// Of a pipe the client cannot know the length beforehand.
const file = createReadStream(wanted.file)
const source = wanted.asPipe ? file.pipe(new PassThrough()) : file

let last
const upload = new tus.Upload(source, {
  endpoint: wanted.endpoint,
  headers: { Authorization: `Bearer ${wanted.key}` },
  retryDelays,
  ...(wanted.storage ? { urlStorage: new tus.FileUrlStorage(wanted.storage) } : {}),
  storeFingerprintForResuming: Boolean(wanted.storage),
  ...wanted.options,
  onUploadUrlAvailable: () => say('url', { url: upload.url }),
  onProgress: (sent) => say('progress', { sent }),
  onChunkComplete: (size, accepted) => {
    say('chunk', { size, accepted })
    if (wanted.terminateAfter && accepted >= wanted.terminateAfter) {
      upload.abort(true).then(() => say('terminated', { url: upload.url }))
    }
  },
  onAfterResponse: (request, response) => {
    last = response
    say('answer', { method: request.getMethod(), status: response.getStatus() })
  },
  onSuccess: () => say('done', { url: upload.url, headers: headersOf(last) }),
  onError: (error) => {
    say('failed', { why: error.message })
    process.exitCode = 1
  },
})

const before = wanted.storage ? await upload.findPreviousUploads() : []
if (before.length > 0) {
  say('resuming', { url: before[0].uploadUrl })
  upload.resumeFromPreviousUpload(before[0])
}
upload.start()
