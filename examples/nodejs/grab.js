// Grabs a lock, checks its token, and gives it back, with nothing but the .proto file.
//
//   npm install && node grab.js [NAME]        LOCKD_ENDPOINTS=host:port,host:port,...
'use strict'
const path = require('path')
const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const wire = path.join(__dirname, '..', '..', 'wire')
const definition = loader.loadSync('lockd/v1/lockd.proto', {
  includeDirs: [wire, path.join(wire, 'third_party')],
  longs: String, // tokens are 64 bits, and a JavaScript number is not
  enums: String,
})
const { Lockd } = grpc.loadPackageDefinition(definition).lockd.v1

const endpoints = (process.env.LOCKD_ENDPOINTS || '127.0.0.1:7400,127.0.0.1:7410,127.0.0.1:7420').split(',')
const members = endpoints.map((endpoint) => new Lockd(endpoint, grpc.credentials.createInsecure()))
let leader = 0

// call asks the member that is thought to lead. UNAVAILABLE is a definite answer of this service: nothing was
// done, somebody else leads. A method is called with a number of its own here (nonce, sequence), so repeating is safe in any case.
async function call(method, request) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await new Promise((resolve, reject) =>
        members[leader][method](request, { deadline: Date.now() + 5000 }, (error, answer) => (error ? reject(error) : resolve(answer))))
    } catch (error) {
      if (error.code !== grpc.status.UNAVAILABLE || attempt > 50) throw error
      leader = (leader + 1) % members.length
      if (leader === 0) await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

async function main() {
  const name = process.argv[2] || 'example'
  const { session } = await call('OpenSession', { ttl: { seconds: 10 }, owner: `node.js ${process.pid}`, nonce: String(Date.now()) + process.pid })
  const granted = await call('Acquire', { name, session, sequence: 1, wait: { seconds: 10 } })
  if (granted.status !== 'OK') throw new Error(`not granted: ${granted.status}`)
  console.log(`grabbed ${name} with token ${granted.token}`)

  const { valid } = await call('Check', { name, token: granted.token })
  if (!valid) throw new Error('the token is not the holder’s')
  console.log('checked: the token is the holder’s')

  const released = await call('Release', { name, token: granted.token, session, sequence: 2, acknowledged: 1 })
  if (released.status !== 'OK') throw new Error(`not released: ${released.status}`)
  const after = await call('Check', { name, token: granted.token })
  if (after.valid) throw new Error('the token is still the holder’s')
  await call('CloseSession', { session })
  console.log('released')
}

main().then(() => members.forEach((member) => member.close()), (error) => {
  console.error(error.message)
  process.exit(1)
})
