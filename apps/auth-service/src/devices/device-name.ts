import Bowser from 'bowser'

const UNKNOWN = 'An unknown device'

/** A browser and its system in words that a person recognises, such as `Firefox on Windows`. Versions are left out: they change by themselves. */
export const deviceNameOf = (userAgent: string | undefined): string => {
  if (userAgent === undefined || userAgent.trim() === '') return UNKNOWN
  const { browser, os } = Bowser.parse(userAgent.slice(0, 512))
  if (browser.name === undefined || browser.name === '') return UNKNOWN
  return (os.name === undefined ? browser.name : `${browser.name} on ${os.name}`).slice(0, 80)
}
