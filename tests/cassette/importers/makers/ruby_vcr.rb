# Records with VCR for Ruby: `ruby ruby_vcr.rb FOLDER NAME plain|exact yaml|json`, the server on 8899.
require 'net/http'
require 'uri'
require 'vcr'

folder, name, exact, serializer = ARGV
VCR.configure do |config|
  config.cassette_library_dir = folder
  config.hook_into :webmock
  config.default_cassette_options = { preserve_exact_body_bytes: exact == 'exact', serialize_with: serializer.to_sym }
end

def post(path, kind, body)
  uri = URI("http://127.0.0.1:8899#{path}")
  request = Net::HTTP::Post.new(uri)
  request['Content-Type'] = kind
  request['Authorization'] = 'Bearer planted-q7Zr2Wm9Xt4Kc8Vb'
  request.body = body
  Net::HTTP.start(uri.host, uri.port) { |http| http.request(request) }
end

VCR.use_cassette(name) do
  post('/v1/chat/completions', 'application/json', '{"model":"m","messages":[{"role":"user","content":"Zürich?"}]}')
  post('/v1/chat/completions', 'application/json', '{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}')
  post('/gzip', 'application/json', '{"a":1.10}')
  post('/binary', 'application/octet-stream', "a\x00\xff".b) unless serializer == 'json'
  post('/limited', 'application/x-www-form-urlencoded', 'a=1&b=2')
  Net::HTTP.get(URI('http://127.0.0.1:8899/text?x=1&y=2'))
end
