import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { responseEvents } from './dialects/responses.ts'
import { endsWithToolResult } from './dialects/tool-result.ts'
import { parseJsonObject } from './json.ts'
import { type Behaviour, type Exchange, wallClock } from './provider-exchange.ts'

/**
 * OpenAI's Responses over WebSocket: each `response.create` from the client is
 * answered by the events of one response, each a text message.
 */
export function answerUpgrade(
  exchange: Exchange,
  behaviour: Behaviour,
  upgrade: { readonly req: IncomingMessage; readonly socket: Duplex; readonly head: Buffer },
): void {
  const { req, socket, head } = upgrade
  exchange.status = behaviour.refuseUpgrade ?? 101
  if (behaviour.refuseUpgrade !== undefined) {
    const refusal = `HTTP/1.1 ${behaviour.refuseUpgrade} No\r\nContent-Length: 0\r\nConnection: close`
    socket.end(`${refusal}\r\n\r\n`)
    exchange.outcome = 'sent'
    return
  }

  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  server.handleUpgrade(req, socket, head, webSocket => {
    webSocket.on('message', (data: RawData) => {
      const text = Buffer.isBuffer(data) ? data.toString('utf8') : ''
      exchange.request.add(text)
      void sendResponse(exchange, behaviour, { webSocket, text })
    })
    webSocket.on('error', () => webSocket.terminate())
    webSocket.on('close', () => {
      if (exchange.outcome === 'open') exchange.outcome = 'closed'
    })
  })
}

async function sendResponse(
  exchange: Exchange,
  behaviour: Behaviour,
  turn: { readonly webSocket: WebSocket; readonly text: string },
): Promise<void> {
  const { webSocket, text } = turn
  const request = parseJsonObject(text)
  if (request['type'] !== 'response.create') return

  const toolCall = endsWithToolResult(request) ? undefined : behaviour.toolCall
  for (const [index, event] of responseEvents(request, toolCall).entries()) {
    if (behaviour.stallAfter === index) return
    if (behaviour.cutAfter === index) {
      webSocket.terminate()
      return
    }
    if (index > 0) await delay(behaviour.gapMs ?? 0)
    if (webSocket.readyState !== webSocket.OPEN) return

    const frame = JSON.stringify(event)
    exchange.events.push({ at: wallClock(), text: frame })
    exchange.response.add(frame)
    webSocket.send(frame)
  }
  exchange.outcome = 'sent'
}
