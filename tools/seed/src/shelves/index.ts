import { AUDIO } from './audio.js'
import { BICYCLE_PARTS } from './bicycle-parts.js'
import { BOOKS } from './books.js'
import { CERAMICS } from './ceramics.js'
import { KITCHEN } from './kitchen.js'
import { LIGHTING } from './lighting.js'
import { OUTDOOR } from './outdoor.js'
import { SAILING } from './sailing.js'
import type { Shelf } from './shelf.js'
import { STATIONERY } from './stationery.js'
import { TEA_AND_COFFEE } from './tea-and-coffee.js'
import { TOOLS } from './tools.js'
import { TOYS } from './toys.js'

export const SHELVES: readonly Shelf[] = [
  BOOKS,
  KITCHEN,
  OUTDOOR,
  BICYCLE_PARTS,
  STATIONERY,
  TEA_AND_COFFEE,
  TOOLS,
  LIGHTING,
  TOYS,
  CERAMICS,
  AUDIO,
  SAILING,
]
