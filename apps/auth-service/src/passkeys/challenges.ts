import { Injectable } from '@nestjs/common'
import { z } from 'zod'
import { ArtifactsRepository } from '../oidc/artifacts.repository.js'

const LIFE_S = 300

const ClientData = z.looseObject({ challenge: z.string().max(256) })
const Stored = z.looseObject({ accountId: z.string() })

/** What a challenge was given out for: a registration of a person, or a sign-in of an interaction. */
export type Purpose = 'PasskeyRegistration' | 'PasskeySignIn'

/** The challenge that a browser says it answered; it counts only once it was found among those given out. */
const challengeOf = (clientDataJSON: string): string | undefined => {
  try {
    return ClientData.safeParse(JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString())).data?.challenge
  } catch {
    return undefined
  }
}

/** Challenges of WebAuthn ceremonies: good once, for five minutes, for one person or interaction, in whichever process. */
@Injectable()
export class Challenges {
  constructor(private readonly artifacts: ArtifactsRepository) {}

  async remember(purpose: Purpose, challenge: string, owner: string): Promise<void> {
    await this.artifacts.put(purpose, challenge, { accountId: owner }, LIFE_S)
  }

  /** Uses up the challenge of a response. Undefined when it was not given out to this owner for this, was used, or is too old. */
  async take(purpose: Purpose, clientDataJSON: string, owner: string): Promise<string | undefined> {
    const challenge = challengeOf(clientDataJSON)
    if (challenge === undefined) return undefined
    const item = await this.artifacts.find(purpose, challenge)
    if (item === undefined || Stored.parse(JSON.parse(item.payload)).accountId !== owner) return undefined
    return (await this.artifacts.consume(purpose, challenge)) ? challenge : undefined
  }
}
