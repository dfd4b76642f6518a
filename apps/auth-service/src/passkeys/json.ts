/** What a text says as JSON; undefined when it is none. Forms of the pages bring what browsers gave as text. */
export const parsedJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
